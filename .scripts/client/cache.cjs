// Run by the build in place of the client's loader: makes the code cache that the loader uses, of what a run compiles.
// Arguments: the client's folder, then a command line.
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const [folder, ...words] = process.argv.slice(2);
process.argv.splice(1, process.argv.length, join(folder, 'berth.cjs'), ...words);
const { script } = require(join(folder, 'berth.cjs'));
process.on('exit', () => writeFileSync(join(folder, 'berth.cache'), script.createCachedData()));
