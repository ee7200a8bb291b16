// `npm run fuzz [SECONDS]`: the C parsers of what strangers wrote, guided by coverage, for so many seconds each.
import { join } from 'node:path';
import { aptInstall, missingPackages, root, run } from './lib.mjs';

run(process.execPath, [join(root, '.scripts', 'setup.mjs')]);
aptInstall(
  missingPackages({
    'clang-19': '/usr/bin/clang-19',
    'libclang-rt-19-dev': '/usr/lib/llvm-19/lib/clang/19/lib/linux',
  }),
);
const seconds = process.argv[2] ?? '60';
run('make', ['-s', '-j2', '-C', join(root, 'packages/native'), 'fuzz', `FUZZ_SECONDS=${seconds}`]);
