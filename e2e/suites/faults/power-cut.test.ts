import { powerCutRounds } from '../../faults/power-cut.ts';

/** Power cuts; a nightly run asks for more. */
const ROUNDS = Number(process.env['COUNT'] ?? 4);
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

test(`power cut at ${ROUNDS} random instants: what was acknowledged is there, what was removed is not`, async () => {
  expect(await powerCutRounds({ rounds: ROUNDS, seed: SEED })).toEqual([]);
}, 3_600_000);
