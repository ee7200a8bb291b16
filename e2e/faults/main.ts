// Random operations under random faults; `npm run faults -- --help` says how.
import { modes } from './modes.ts';
import { options } from './options.ts';
import { play } from './run.ts';

const values = options(
  `npm run faults [-- [--rounds N] [--seed S] [--mode M] [--round R]]

Several users do random operations on one daemon while it is hurt; after each round, what they were told is held against
what is there. A broken invariant names its round with the operations that led to it.

  --rounds  how many rounds; without it 80
  --seed    a number that all that is random comes from; without it another one each time, which is printed
  --mode    only rounds of one mode: ${[...Object.keys(modes), 'power'].join(', ')}
  --round   only this round of the seed, played again
  --help    prints this`,
  {
    rounds: { type: 'string', default: '80' },
    seed: { type: 'string' },
    mode: { type: 'string' },
    round: { type: 'string' },
  },
);
if (values.mode !== undefined && values.mode !== 'power' && !(values.mode in modes)) {
  console.error(`no mode ${values.mode}: there are ${[...Object.keys(modes), 'power'].join(', ')}`);
  process.exit(2);
}

const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!Number.isSafeInteger(seed)) {
  console.error(`--seed ${values.seed}: it is no number`);
  process.exit(2);
}
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
