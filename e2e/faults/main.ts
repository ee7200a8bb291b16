// Random operations under random faults: `npm run faults -- [--rounds N] [--seed S] [--mode M] [--round R]`.
import { parseArgs } from 'node:util';
import { play } from './run.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '80' },
    seed: { type: 'string' },
    mode: { type: 'string' },
    round: { type: 'string' },
  },
});

const seed = Number(values.seed ?? Date.now() % 1_000_000);
process.stdout.write(`seed ${seed}\n`);
const problems = await play({
  rounds: Number(values.rounds),
  seed,
  mode: values.mode,
  power: true,
  round: values.round === undefined ? undefined : Number(values.round),
  tell: (line) => process.stdout.write(`${line}\n`),
});
process.stdout.write(`\nseed ${seed}: ${problems.length} of ${values.rounds} rounds broken\n`);
process.exit(problems.length > 0 ? 1 : 0);
