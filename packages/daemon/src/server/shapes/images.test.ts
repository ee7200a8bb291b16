import type { ImageInspect, ImageSummary } from '../../images/api.ts';
import { imageInspectFor, imageSummaryFor } from './images.ts';

const summary: ImageSummary = {
  Containers: 2,
  Created: 1,
  Id: 'sha256:1',
  Labels: null,
  ParentId: '',
  RepoDigests: [],
  RepoTags: [],
  SharedSize: -1,
  Size: 10,
};

test('a list has what its version had', () => {
  expect(imageSummaryFor(24, summary)).toMatchObject({
    Containers: -1,
    RepoTags: ['<none>:<none>'],
    RepoDigests: ['<none>@<none>'],
    VirtualSize: 10,
  });
  expect(imageSummaryFor(43, summary)).toMatchObject({ RepoTags: [], VirtualSize: 10 });
  expect(imageSummaryFor(44, summary)).not.toHaveProperty('VirtualSize');
  expect(imageSummaryFor(51, summary)).toMatchObject({ Containers: 2 });
});

test('an inspected image has what its version had', () => {
  const image = {
    Id: 'sha256:1',
    Parent: '',
    Comment: '',
    Container: 'c1',
    ContainerConfig: { Cmd: null },
    DockerVersion: '',
    Author: 'me',
    Config: { Hostname: '', User: '', Env: ['A=1'], Cmd: null, Volumes: null },
    Size: 10,
  } as unknown as ImageInspect;
  expect(imageInspectFor(43, image)).toMatchObject({
    Created: '0001-01-01T00:00:00Z',
    Container: 'c1',
    ContainerConfig: { Cmd: null },
    VirtualSize: 10,
  });
  const newer = imageInspectFor(45, image);
  for (const gone of ['Created', 'Container', 'ContainerConfig', 'VirtualSize'])
    expect(newer).not.toHaveProperty(gone);
  expect(newer['Config']).toHaveProperty('Hostname');
  expect(imageInspectFor(50, image)['Config']).toEqual({ User: '', Env: ['A=1'], Cmd: null, Volumes: null });
  const newest = imageInspectFor(52, image);
  expect(newest['Config']).toEqual({ Env: ['A=1'] });
  expect(newest['Author']).toBe('me');
  for (const gone of ['Parent', 'Comment', 'DockerVersion']) expect(newest).not.toHaveProperty(gone);
});
