import { suggestion } from '../../../../dockerfile/suggest.ts';
import type { Instruction } from '../../../../dockerfile/types.ts';
import { expandDocument, expandWord, type Lookup } from '../../../../dockerfile/words.ts';
import type { StageContext, StageState } from './types.ts';

/** Arguments by which a scanner's run is asked for: they are never in the environment. */
const SCANNER = new Set(['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE']);

/** Whether each variable that an instruction uses is there. */
export function checkVariables(
  { dockerfile, findings }: StageContext,
  instruction: Instruction,
  state: StageState,
): void {
  const unknown = new Set<string>();
  const lookup: Lookup = (name) => {
    if (state.names.has(name)) return state.names.get(name);
    if (!state.declared.has(name) && !SCANNER.has(name)) unknown.add(name);
    return undefined;
  };
  for (const word of expanded(instruction)) expandWord(word, lookup, dockerfile.escape);
  if (instruction.name === 'COPY' || instruction.name === 'ADD')
    for (const { expand, content } of instruction.heredocs)
      if (expand) expandDocument(content, lookup, dockerfile.escape);
  for (const name of unknown) {
    const meant = suggestion(name, [...state.names.keys()], true).replace('mean ', 'mean $');
    findings.add('UndefinedVar', instruction, `Usage of undefined variable '$${name}'${meant}`);
  }
}

/** Words of an instruction in which variables are put. */
function expanded({ name, args, pairs, flags, json }: Instruction): string[] {
  const ofFlags = flags
    .filter((flag) => flag.name === 'chown' || flag.name === 'chmod' || flag.name === 'mount')
    .map(({ value }) => value);
  switch (name) {
    case 'ENV':
    case 'LABEL':
      return pairs.flat();
    case 'ADD':
    case 'COPY':
    case 'ARG':
    case 'EXPOSE':
      return [...args, ...ofFlags];
    case 'USER':
    case 'WORKDIR':
    case 'STOPSIGNAL':
      return args;
    case 'VOLUME':
      return json ?? args;
    case 'RUN':
      return ofFlags;
    default:
      return [];
  }
}
