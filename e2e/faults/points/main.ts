// Operations that are hit at each of their steps; `npm run points -- --help` says how.
import { randomBytes } from 'node:crypto';
import { options } from '../options.ts';
import { removeCgroupParent } from '../run.ts';
import { HITS, type Hit, playScenario } from './play.ts';
import { scenarios } from './scenarios/index.ts';

const values = options(
  `npm run points [-- [--scenario WORD] [--hit HIT] [--from N] [--every N]]

Does each operation once for each of its steps (a file that is changed, a record that is written, a message to another process, a
system call of a native part), and hits it there. What is there afterwards must be what was there before, or what comes
of the operation; nothing is left over, and it can be done again.

  --scenario  the one of this name, or those with this in their names
  --hit       ${Object.keys(HITS).join(', ')}; without it all of them
  --from      the first step; without it 0
  --every     each of so many steps; without it 1
  --help      prints this`,
  {
    scenario: { type: 'string', default: '' },
    hit: { type: 'string' },
    from: { type: 'string', default: '0' },
    every: { type: 'string', default: '1' },
  },
);
const hits = values.hit === undefined ? (Object.keys(HITS) as Hit[]) : [values.hit as Hit];
if (!hits.every((hit) => hit in HITS)) {
  console.error(`no hit ${values.hit}: there are ${Object.keys(HITS).join(', ')}`);
  process.exit(2);
}
const parent = `berth-points-${randomBytes(4).toString('hex')}`;
let problems = 0;
try {
  const exact = scenarios.filter(({ name }) => name === values.scenario);
  const chosen = exact.length > 0 ? exact : scenarios.filter(({ name }) => name.includes(values.scenario));
  for (const scenario of chosen)
    for (const hit of hits) {
      const began = performance.now();
      const { broken, steps } = await playScenario(scenario, {
        hit,
        from: Number(values.from),
        every: Number(values.every),
        parent,
        tell: (line) => console.log(line),
      });
      problems += broken.length;
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      console.log(`${scenario.name}, ${hit}: ${steps} steps, ${seconds} s, ${broken.length} broken`);
    }
} finally {
  removeCgroupParent(parent);
}
process.exit(problems > 0 ? 1 : 0);
