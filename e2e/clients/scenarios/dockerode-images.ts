// The part of dockerode's scenario with images.
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { tarOf } from '../../support/tar.ts';
import { docker, followed, names } from './docker.ts';
import { refused, step } from './steps.ts';

const registry = process.env['REG']!;

/** Builds, lists, moves and removes images. */
export async function images(): Promise<void> {
  const context = () =>
    Readable.from([tarOf({ Dockerfile: 'FROM bb\nCOPY f /f\nRUN cat /f\nLABEL of=ode\n', f: 'hello\n' })]);
  await step('a classic build', async () =>
    (await followed(await docker.buildImage(context() as never, { t: 'ode:classic', forcerm: true }))).map(
      (entry) => [names(entry), entry['stream'] ?? ''],
    ),
  );
  await step('a classic build that fails', async () =>
    (
      await followed(
        await docker.buildImage(Readable.from([tarOf({ Dockerfile: 'FROM bb\nRUN exit 5\n' })]) as never, {
          forcerm: true,
        }),
      )
    ).at(-1),
  );
  await refused('a build of files, with a Dockerfile that is none', () =>
    docker.buildImage(
      { context: import.meta.dirname, src: ['steps.ts'] },
      { t: 'ode:files', dockerfile: 'steps.ts' },
    ),
  );
  await step('images', async () =>
    (await docker.listImages({ filters: { reference: ['ode*'] } }))
      .flatMap(({ RepoTags }) => RepoTags ?? [])
      .toSorted(),
  );
  const image = docker.getImage('ode:classic');
  await step('history', async () =>
    (await image.history()).map((entry: { CreatedBy: string }) => entry.CreatedBy),
  );
  await step('tag and push', async () => {
    await image.tag({ repo: `${registry}/ode`, tag: '1' });
    const all = await followed(await docker.getImage(`${registry}/ode:1`).push({ authconfig: {} as never }));
    return all
      .map((entry) => String(entry['status'] ?? names(entry)).replace(/ size: .*/, ''))
      .filter((status) => !/ing|Pushed|exists/.test(status));
  });
  await step('distribution', async () => names(await docker.getImage(`${registry}/ode:1`).distribution()));
  await step('pull', async () => {
    await docker.getImage(`${registry}/ode:1`).remove();
    const all = await followed(await docker.pull(`${registry}/ode:1`));
    return all
      .map((entry) => entry['status'])
      .filter((status) => !/^(Pulling|Download|Verify|Extract|Pull complete|Already)/.test(String(status)));
  });
  await refused('pull of what is not there', async () => followed(await docker.pull(`${registry}/nosuch:1`)));
  await step('save and load', async () => {
    const saved = await buffer(await image.get());
    await image.remove({ force: true });
    return followed(await docker.loadImage(Readable.from([saved]))).then((all) => all.at(-1));
  });
  await step('import', async () => {
    const stream = await docker.importImage(Readable.from([tarOf({ f: 'x' })]) as never, {
      repo: 'ode',
      tag: 'imported',
    });
    return (await followed(stream)).map(names);
  });
  await step('remove', async () => (await image.remove()).map(names));
}
