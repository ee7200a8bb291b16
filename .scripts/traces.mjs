// Lists the traces an engine can leave in the kernel and on disk, so that the tests can show that they left none.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

function lines(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8' });
  return result.status === 0 ? result.stdout.split('\n').filter(Boolean) : [];
}

function cgroups(folder, depth, out) {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return; // It is not there, or another engine has removed it meanwhile.
  }
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    if (/berth/.test(path)) out.add(`cgroup ${path}`);
    if (depth > 0) cgroups(path, depth - 1, out);
  }
}

function processes(out) {
  for (const pid of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(pid)) continue;
    try {
      const [stat, command] = [
        readFileSync(`/proc/${pid}/stat`, 'utf8'),
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '),
      ];
      if (/\) Z /.test(stat)) continue;
      if (
        /berthd|berth-native|berth-launcher|docker-registry/.test(command) &&
        !/jest|test\.mjs/.test(command)
      )
        out.add(`process ${pid} ${command}`);
    } catch {
      // It ended between the two.
    }
  }
}

/** The names of all mounts, links, rules, cgroups and processes here that an engine of ours could have made. */
export function traces() {
  const out = new Set();
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter(Boolean)) {
    const path = line.split(' ')[4];
    if (/berth/.test(path)) out.add(`mount ${path}`);
  }
  for (const line of lines('ip', ['-o', 'link']))
    out.add(`link ${line.split(':')[1].trim().replace(/@.*/, '')}`);
  for (const line of lines('nft', ['list', 'tables'])) if (line.includes('berth')) out.add(`nft ${line}`);
  for (const line of lines('ip', ['netns'])) out.add(`netns ${line.split(' ')[0]}`);
  for (const line of lines('losetup', ['-n', '-O', 'NAME,BACK-FILE'])) out.add(`loop ${line}`);
  cgroups('/sys/fs/cgroup', 3, out);
  processes(out);
  return out;
}

/** The traces that are here now and were not in `before`; waits up to 20 s for those still being taken down. */
export async function compareTraces(before) {
  for (let attempt = 0; ; attempt++) {
    const left = [...traces()].filter((line) => !before.has(line));
    if (left.length === 0 || attempt === 40) return left;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
