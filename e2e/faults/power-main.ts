import { type FileSystem, powerCutRounds } from './power-cut.ts';

/* Power cuts by hand: `node power-main.ts ROUNDS SEED [ext4|ext4-without-journal|xfs|btrfs] [ROUND]`: with ROUND, only that
   one and those that it stands on. */

const [, , rounds = '10', seed = String(Date.now() % 1_000_000), fileSystem = 'ext4', round] = process.argv;
console.log(`power cuts: ${rounds} rounds on ${fileSystem}, seed ${seed}`);
const problems = await powerCutRounds({
  rounds: Number(rounds),
  seed: Number(seed),
  round: round === undefined ? undefined : Number(round),
  fileSystem: fileSystem as FileSystem,
  onRound: (round, found) => {
    for (const problem of found) console.log(problem);
    if (round % 10 === 9) console.log(`${round + 1} rounds`);
  },
});
console.log(problems.length === 0 ? 'nothing was lost' : `${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
