import { systemError } from '../base/errors.ts';

/** `--security-opt`, taken apart. */
export interface SecurityOptions {
  noNewPrivileges: boolean | undefined;
  /** A profile's JSON, `unconfined`, `builtin` or ''. */
  seccomp: string;
  /** A profile's name, `unconfined` or ''. */
  apparmor: string;
  labels: string[];
  writableCgroups: boolean;
}

/** @throws system in dockerd's words for an option it does not know. */
export function parseSecurityOptions(options: string[]): SecurityOptions {
  const parsed: SecurityOptions = {
    noNewPrivileges: undefined,
    seccomp: '',
    apparmor: '',
    labels: [],
    writableCgroups: false,
  };
  for (const option of options) {
    if (option === 'no-new-privileges') {
      parsed.noNewPrivileges = true;
      continue;
    }
    if (option === 'disable') {
      parsed.labels.push(option);
      continue;
    }
    const separator = option.includes('=') ? '=' : ':';
    const at = option.indexOf(separator);
    if (at === -1) throw systemError(`invalid --security-opt 1: ${JSON.stringify(option)}`);
    const value = option.slice(at + 1);
    switch (option.slice(0, at)) {
      case 'label':
        parsed.labels.push(value);
        break;
      case 'apparmor':
        parsed.apparmor = value;
        break;
      case 'seccomp':
        parsed.seccomp = value;
        break;
      case 'no-new-privileges':
        parsed.noNewPrivileges = parseBoolean(value, option);
        break;
      case 'writable-cgroups':
        parsed.writableCgroups = parseBoolean(value, option);
        break;
      default:
        throw systemError(`invalid --security-opt 2: ${JSON.stringify(option)}`);
    }
  }
  return parsed;
}

/** Go's strconv.ParseBool. */
function parseBoolean(text: string, option: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw systemError(`invalid --security-opt 2: ${JSON.stringify(option)}`);
}
