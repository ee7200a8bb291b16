import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { responseProblems } from '../support/responses/check.ts';

/** The problems that the check finds in one response. */
function problems(url: string, body: unknown, { method = 'GET', status = 200 } = {}): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'berth-responses-'));
  try {
    const file = join(folder, 'responses');
    const type = 'application/json';
    writeFileSync(file, `${JSON.stringify({ method, url, status, type, body: JSON.stringify(body) })}\n`);
    return responseProblems(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const volume = { Name: 'v', Driver: 'local', Mountpoint: '/m', Labels: null, Scope: 'local', Options: null };

test('a response is held against the schema of its operation', () => {
  expect(problems('/volumes/v', volume)).toEqual([]);
  expect(problems('/volumes/v?x=1', { ...volume, Labels: 1 })).toEqual([
    expect.stringMatching(/^VolumeInspect 200 \(1\.52\): \/Labels must be object,null/),
  ]);
  const { Name: _, ...nameless } = volume;
  expect(problems('/v1.40/volumes/v', nameless)).toEqual([
    expect.stringContaining('VolumeInspect 200 (1.40):  must have required property'),
  ]);
});

test('a member that is not described, or not of that version, is a problem', () => {
  expect(problems('/volumes/v', { ...volume, Size: 1 })).toEqual([expect.stringContaining('Size')]);
  const event = {
    Type: 'daemon',
    Action: 'reload',
    Actor: { ID: 'd' },
    scope: 'local',
    time: 1,
    timeNano: 1,
  };
  expect(problems('/events', event)).toEqual([]);
  expect(problems('/v1.51/events', { ...event, status: 'reload' })).toEqual([]);
  expect(problems('/v1.52/events', { ...event, status: 'reload' })).toEqual([
    expect.stringContaining('status'),
  ]);
});

test('a status that is not described is a problem, and a path that is no operation is none', () => {
  expect(problems('/volumes/v', { message: 'x' }, { status: 418 })).toEqual([
    expect.stringContaining('VolumeInspect 418 (1.52): the status is not described'),
  ]);
  expect(problems('/nothing', { message: 'page not found' }, { status: 404 })).toEqual([]);
});
