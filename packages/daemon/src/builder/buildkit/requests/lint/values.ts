import { ignoreFilter } from '../../../../dockerfile/ignore.ts';
import type { Instruction } from '../../../../dockerfile/types.ts';
import { expandWord, expandWords, type Lookup } from '../../../../dockerfile/words.ts';
import { type Findings, nameOf } from './findings.ts';
import type { StageContext, StageState } from './types.ts';

/** Parts of the names of variables that are likely to hold a secret, and of those that are not after all. */
const SECRET = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const PUBLIC = /(?:_|^)public(?:_|$)/i;

/** The checks of an instruction's values, its variables put in; the state is that after it. */
export function checkValues(context: StageContext, instruction: Instruction, state: StageState): void {
  const { findings, dockerfile, given, global } = context;
  const lookup: Lookup = (name) => state.names.get(name);
  const expand = (word: string) => expandWord(word, lookup, dockerfile.escape);
  const secret = (kind: string, name: string) => {
    if (SECRET.test(name) && !PUBLIC.test(name))
      findings.add(
        'SecretsUsedInArgOrEnv',
        instruction,
        `Do not use ARG or ENV instructions for sensitive data (${kind} "${name}")`,
      );
  };
  switch (instruction.name) {
    case 'ENV':
      for (const [name, value] of instruction.pairs.map(
        ([key, text]) => [expand(key), expand(text)] as const,
      )) {
        secret('ENV', name);
        state.names.set(name, value);
      }
      return;
    case 'ARG':
      for (const argument of instruction.args) {
        const name = expand(nameOf(argument));
        secret('ARG', name);
        const byDefault = argument.includes('=')
          ? expand(argument.slice(argument.indexOf('=') + 1))
          : undefined;
        const value = given[name] ?? byDefault ?? global.get(name);
        state.declared.add(name);
        if (value !== undefined && !state.names.has(name)) state.names.set(name, value);
      }
      return;
    case 'WORKDIR': {
      const [path = ''] = instruction.args;
      if (!state.hasWorkdir && !expand(path).startsWith('/'))
        findings.add(
          'WorkdirRelativePath',
          instruction,
          `Relative workdir ${JSON.stringify(expand(path))} can have unexpected results if the base image changes`,
        );
      state.hasWorkdir = true;
      return;
    }
    case 'EXPOSE':
      for (const port of instruction.args.flatMap((word) => expandWords(word, lookup, dockerfile.escape)))
        checkPort(port, instruction, findings);
      return;
    case 'COPY':
    case 'ADD':
      if (context.ignore !== undefined) checkIgnored(context.ignore, instruction, expand, findings);
      return;
    default:
  }
}

function checkPort(port: string, instruction: Instruction, findings: Findings): void {
  const [range = '', protocol = ''] = port.split('/');
  if (protocol !== protocol.toLowerCase())
    findings.add(
      'ExposeProtoCasing',
      instruction,
      `Defined protocol '${port}' in EXPOSE instruction should be lowercase`,
    );
  if (range.includes(':'))
    findings.add(
      'ExposeInvalidFormat',
      instruction,
      `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`,
    );
}

function checkIgnored(
  text: string,
  instruction: Instruction,
  expand: (word: string) => string,
  findings: Findings,
): void {
  if (instruction.flags.some(({ name }) => name === 'from')) return;
  const ignored = ignoreFilter(text);
  for (const word of instruction.args.slice(0, -1)) {
    const source = expand(word).replace(/^(\.?\/)+/, '');
    if (source === '' || source === '.' || /^(\w+:\/\/|git@|<<)|[*?[]/.test(source) || !ignored(source))
      continue;
    findings.add(
      'CopyIgnoredFile',
      instruction,
      `Attempting to ${instruction.name === 'ADD' ? 'Add' : 'Copy'} file "${source}" that is excluded by .dockerignore`,
    );
  }
}
