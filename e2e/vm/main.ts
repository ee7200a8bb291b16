// Boots the machine, shows what its checks say, ends with their result. Arguments choose checks by name.
import { join } from 'node:path';
import { top } from '../support/daemon.ts';
import { boot } from './boot.ts';
import { debianMachine, projectDisk } from './image.ts';

const machine = debianMachine(join(top, 'node_modules/.cache/berth-vm'));
const only = process.argv.slice(2).join(',');
if (!(await boot(machine, projectDisk, only ? [`berth.checks=${only}`] : []))) process.exitCode = 1;
