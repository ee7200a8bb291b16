import { parseSize } from '../base/sizes.ts';
import type { Flag } from './flag.ts';
import { FLAGS } from './flags.ts';
import { addRuntime } from './runtimes.ts';
import { UsageError } from './usage-error.ts';

/** The values that a command line gives, by the flags' names. @throws UsageError with the words of docker's flag library */
export function parseFlags(args: string[]): Map<string, unknown> {
  const byName = new Map(FLAGS.map((flag) => [flag.name, flag]));
  const byShort = new Map(FLAGS.filter((flag) => flag.short).map((flag) => [flag.short!, flag]));
  const found = new Map<string, unknown>();
  const take = (flag: Flag, shown: string, given: string | undefined, next: () => string | undefined) => {
    let text = given;
    if (text === undefined && flag.type === 'boolean') text = 'true';
    if (text === undefined) text = next();
    if (text === undefined) throw new UsageError(`flag needs an argument: ${shown}`);
    found.set(flag.name, merge(flag, shown, found.get(flag.name), text));
  };
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index]!;
    const next = () => args[++index];
    if (argument.startsWith('--') && argument !== '--') {
      const equals = argument.indexOf('=');
      const name = argument.slice(2, equals === -1 ? undefined : equals);
      const flag = byName.get(name);
      if (!flag) throw new UsageError(`unknown flag: --${name}`);
      take(flag, `--${name}`, equals === -1 ? undefined : argument.slice(equals + 1), next);
    } else if (argument.startsWith('-') && argument.length > 1 && argument !== '--') {
      for (let rest = argument.slice(1); rest !== ''; ) {
        const flag = byShort.get(rest[0]!);
        if (!flag) throw new UsageError(`unknown shorthand flag: '${rest[0]}' in ${argument}`);
        const shown = `'${rest[0]}' in ${argument}`;
        rest = rest.slice(1);
        if (flag.type === 'boolean' && !rest.startsWith('=')) {
          take(flag, shown, undefined, next);
          continue;
        }
        take(flag, shown, rest === '' ? undefined : rest.replace(/^=/, ''), next);
        rest = '';
      }
    } else throw new UsageError(`"berthd" accepts no arguments: ${argument}`);
  }
  return found;
}

/** Adds a flag's text to what earlier ones of the same name gave. */
function merge(flag: Flag, shown: string, before: unknown, text: string): unknown {
  const invalid = (why: string) => new UsageError(`invalid argument "${text}" for "${shown}" flag: ${why}`);
  switch (flag.type) {
    case 'boolean':
      if (!/^(1|0|t|f|true|false)$/i.test(text))
        throw invalid(`strconv.ParseBool: parsing "${text}": invalid syntax`);
      return /^(1|t|true)$/i.test(text);
    case 'integer':
      if (!/^[+-]?\d+$/.test(text)) throw invalid(`strconv.ParseInt: parsing "${text}": invalid syntax`);
      return Number(text);
    case 'bytes': {
      const bytes = parseSize(text.trim());
      if (bytes === undefined) throw invalid(`invalid size: '${text}'`);
      return bytes;
    }
    case 'list':
      return [...((before as string[] | undefined) ?? []), ...(text === '' ? [] : splitList(flag, text))];
    case 'map': {
      const equals = text.indexOf('=');
      if (equals < 1) throw invalid(`${text} is not of the form key=value`);
      return { ...(before as object | undefined), [text.slice(0, equals)]: text.slice(equals + 1) };
    }
    case 'maps': {
      const [, name, key, value] = /^([^=]+)=([^=]+)=(.*)$/s.exec(text) ?? [];
      if (!name || !key) throw invalid(`${text} is not of the form name=key=value`);
      const maps = (before ?? {}) as Record<string, object>;
      return { ...maps, [name]: { ...maps[name], [key]: value } };
    }
    case 'ulimits': {
      const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
      if (!match) throw invalid(`invalid ulimit argument: ${text}`);
      const [, name = '', soft = '', hard = soft] = match;
      return {
        ...(before as object | undefined),
        [name]: { Name: name, Soft: Number(soft), Hard: Number(hard) },
      };
    }
    case 'runtimes':
      try {
        return addRuntime(before as Parameters<typeof addRuntime>[0], text);
      } catch (error) {
        throw invalid((error as Error).message);
      }
    case 'pools': {
      const parts = Object.fromEntries(text.split(',').map((part) => part.split('=', 2)));
      if (!parts['base'] || !/^\d+$/.test(parts['size'] ?? '')) throw invalid('want base=CIDR,size=BITS');
      return [
        ...((before as unknown[] | undefined) ?? []),
        { base: parts['base'], size: Number(parts['size']) },
      ];
    }
    default:
      return text;
  }
}

/** Addresses may be given several at once, with commas; other lists take an entry a flag. */
function splitList(flag: Flag, text: string): string[] {
  return ['dns', 'host-gateway-ip'].includes(flag.name) ? text.split(',') : [text];
}
