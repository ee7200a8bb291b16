import { modes } from '../../faults/modes.ts';
import { play } from '../../faults/run.ts';

/*
 * A few rounds of the rig of faults: what fails names its seed and its round, and is played again by
 * `npm run faults`. SEED and ROUNDS choose others here.
 */
const seed = Number(process.env['SEED'] ?? 1);
const rounds = Number(process.env['ROUNDS'] ?? Object.keys(modes).length);

test(`${rounds} rounds of random faults, seed ${seed}: nothing acknowledged is lost, nothing is left behind`, async () => {
  expect(await play({ rounds, seed })).toEqual([]);
}, 3_600_000);
