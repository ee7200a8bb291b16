import { errorTextFor } from './error-texts.ts';

const CASES: Array<[since: number, operation: string, older: string, newer: string]> = [
  [48, 'ExecStart', 'Error: Exec command 1 has already run', 'exec command 1 has already run'],
  [48, 'ContainerCreate', 'Range of CPUs is from 0.01 to 2.00', 'range of CPUs is from 0.01 to 2.00'],
  [
    48,
    'ContainerCreate',
    'Invalid isolation: "hyperv" - linux only supports \'default\'',
    "invalid isolation (hyperv): linux only supports 'default'",
  ],
  [
    48,
    'ContainerDelete',
    'cannot remove container "/cc": container is paused and must be unpaused first',
    'cannot remove container "cc": container is paused and must be unpaused first',
  ],
  [48, 'NetworkCreate', 'invalid name:  ', 'invalid name: name is empty'],
  [
    48,
    'ContainerList',
    "invalid filter 'status=x'",
    "invalid filter 'status=x': invalid value for state (x): must be one of created, running, paused, restarting, removing, exited, dead",
  ],
  [48, 'ContainerStart', 'network n not found', 'failed to set up container networking: network n not found'],
  [52, 'ImageGet', 'No such image: nosuch', 'No such image: nosuch:latest'],
  [52, 'ImageGet', 'No such image: host:5000/nosuch', 'No such image: host:5000/nosuch:latest'],
  [
    52,
    'ImageDelete',
    'conflict: unable to remove repository reference "k:t" (must force) - container 1 is using its referenced image 2',
    'conflict: unable to delete k:t (must be forced) - container 1 is using its referenced image 2',
  ],
  [
    52,
    'ContainerCreate',
    'image with reference bb was found but does not match the specified platform: wanted linux/s390x, actual: linux/amd64',
    'image with reference bb:latest was found but does not provide the specified platform (linux/s390x)',
  ],
  [
    52,
    'ContainerList',
    'error while looking up for publish 1-x: strconv.ParseUint: parsing "x": invalid syntax',
    "error while looking up for publish 1-x: invalid end port 'x': invalid syntax",
  ],
  [
    52,
    'ImageCreate',
    'manifest for x/y:1 not found: manifest unknown: manifest unknown',
    'failed to resolve reference "docker.io/x/y:1": docker.io/x/y:1: not found',
  ],
  [
    52,
    'ImageCreate',
    'manifest for h:1/y:1 not found: manifest unknown: manifest unknown',
    'failed to resolve reference "h:1/y:1": h:1/y:1: not found',
  ],
];

test.each(CASES)('from 1.%i on %s tells %j in other words', (since, operation, older, newer) => {
  expect(errorTextFor(since, operation, older)).toBe(newer);
  expect(errorTextFor(since - 1, operation, older)).toBe(older);
});

test('other texts stay as they are', () => {
  for (const text of ['network n not found', 'No such image: bb:1', 'No such image: sha256:12', '', 'x\ny'])
    expect(errorTextFor(52, 'NetworkInspect', text)).toBe(text);
});

test.each([
  ['error while looking up for x ', ': strconv.ParseUint: parsing "', '": '],
  ['image with reference x was found but does not match ', ': wanted ', ', actual: '],
])('a text that begins with %j and repeats what is searched for is read at once', (head, first, second) => {
  const text = `${head}${first.repeat(1800 / first.length)}${second.repeat(1800 / second.length)}\n`;
  const began = performance.now();
  expect(errorTextFor(52, 'ContainerList', text)).toBe(text);
  expect(performance.now() - began).toBeLessThan(10);
});
