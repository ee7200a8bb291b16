import { randomBytes } from 'node:crypto';
import { type Hit, playOn, Stage } from '../../faults/points/play.ts';
import { scenarios } from '../../faults/points/scenarios/index.ts';
import { removeCgroupParent } from '../../faults/run.ts';

/*
 * Operations that are hit at their steps: `npm run points` hits each at all of them. Here are those that were once found
 * broken, and with POINTS a word of the names of others.
 */

const parent = `berth-points-${randomBytes(4).toString('hex')}`;
const named = process.env['POINTS'];
let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open(parent);
}, 120_000);
afterAll(async () => {
  await stage?.close();
  removeCgroupParent(parent);
});

async function play(name: string, hit: Hit, from = 0, every = 1): Promise<string[]> {
  const scenario = scenarios.find((one) => one.name === name)!;
  return (await playOn(stage, scenario, { hit, from, every, tell: () => undefined })).broken;
}

test.each([
  ...[
    'rename',
    'tag',
    'commit',
    'network create',
    'network connect (run)',
    'secrets create',
    'secrets update',
  ],
  ...['volume remove', 'network remove', 'network disconnect (run)', 'image remove', 'configs remove'],
])(
  '%s on a disk without room for records: refused and not done, or an end that is done',
  async (name) => {
    expect(await play(name, 'record')).toEqual([]);
  },
  120_000,
);

test.each([
  ['update of limits', 1],
  ['update of ports', 4],
  ['update of mounts', 4],
  ['create with files of the image', 5],
  ['volume remove', 3],
])(
  '%s, by a daemon that is killed: done or not done',
  async (name, every) => {
    expect(await play(name, 'kill-before', 1, every)).toEqual([]);
  },
  300_000,
);

const chosen = named ? scenarios.filter(({ name }) => name.includes(named)) : [];
for (const { name } of chosen)
  test(`${name}, killed at any step`, async () => {
    expect(await play(name, 'kill-before')).toEqual([]);
  }, 600_000);
