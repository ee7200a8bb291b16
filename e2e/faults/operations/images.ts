import { tarOf } from '../../support/tar.ts';
import type { Reply } from '../connection.ts';
import type { User } from '../user.ts';

/* Images: each of a tag that this user alone gives. */

const there = (user: User) =>
  [...user.known.images].filter(([, thing]) => thing.there === 'yes').map(([name]) => name);

/** An answer of progress lines ends well or with an error line under status 200. */
function succeeded(user: User, reply: Reply, what: string): boolean {
  if (reply.status >= 400) return false;
  const error = /"error":"((?:[^"\\]|\\.)*)"/.exec(reply.text.slice(-2000))?.[1];
  if (error === undefined) return true;
  if (!user.stage.excused(error, 0, performance.now())) user.broken(`${what}: ${error}`);
  return false;
}

/** Does what makes a tag; once that is said to be done, remembers what the tag stands for. */
async function make(user: User, tag: string, act: () => Promise<Reply>): Promise<void> {
  const { images } = user.known;
  images.set(tag, { there: 'perhaps' });
  const reply = await act();
  if (!succeeded(user, reply, `making ${tag}`)) {
    if (reply.status >= 400 && reply.status < 500) images.set(tag, { there: 'no' });
    return;
  }
  images.set(tag, { there: 'yes' });
  const found = await user.call('GET', `/images/${tag}/json`);
  if (found.status === 200) images.set(tag, { there: 'yes', value: found.json.Id });
  else if (found.status < 500) user.broken(`image ${tag} was made and is not there: ${found.text}`);
}

/** How the names of images begin that have no busybox. */
export const IMPORTED = 'data';

const newTag = (user: User) => `${user.random.name('i')}:latest`;

/** A small image by import. The boxes need busybox, so its name tells that it is none that they can run. */
export async function importImage(user: User): Promise<void> {
  const repo = user.random.name(IMPORTED);
  const tar = tarOf({ [repo]: user.random.bytes(30_000) });
  await make(user, `${repo}:latest`, () => user.call('POST', `/images/create?fromSrc=-&repo=${repo}`, tar));
}

export async function commit(user: User): Promise<void> {
  const box = user.random.any(user.boxes('created', 'running', 'exited', 'paused'));
  if (!box || box.program.kind === 'short') return;
  const tag = newTag(user);
  const pause = user.random.chance(0.5) ? 1 : 0;
  const [repo] = tag.split(':');
  // It pauses and goes on: killed between the two it must run again, or say that it is paused.
  await make(user, tag, () => user.call('POST', `/commit?container=${box.id}&repo=${repo}&pause=${pause}`));
}

export async function tag(user: User): Promise<void> {
  const from = user.random.any(there(user).filter((name) => !name.startsWith(IMPORTED))) ?? 'bb:latest';
  const to = newTag(user);
  const [repo] = to.split(':');
  await make(user, to, () => user.call('POST', `/images/${from}/tag?repo=${repo}&tag=latest`));
}

export async function removeImage(user: User): Promise<void> {
  const name = user.random.any(there(user));
  if (!name) return;
  const { images } = user.known;
  const before = images.get(name)!;
  images.set(name, { ...before, there: 'perhaps' });
  const { status } = await user.call('DELETE', `/images/${name}?force=1`);
  if (status === 200) images.set(name, { there: 'no' });
  else if (status < 500) images.set(name, before);
}

export async function saveAndLoad(user: User): Promise<void> {
  const name = user.random.any(there(user));
  if (!name) return;
  const saved = await user.call('GET', `/images/${name}/get`);
  if (saved.status !== 200) return;
  const loaded = await user.call('POST', '/images/load?quiet=1', saved.body);
  succeeded(user, loaded, `load ${name}`);
}

export async function pushAndPull(user: User): Promise<void> {
  const name = user.random.any(there(user));
  if (!name) return;
  const remote = `${user.stage.registry}/${user.random.name('p')}`;
  const full = `${remote}:latest`;
  const value = user.known.images.get(name)?.value;
  if ((await user.call('POST', `/images/${name}/tag?repo=${remote}&tag=latest`)).status !== 201) return;
  const auth = { 'x-registry-auth': Buffer.from('{}').toString('base64') };
  const pushed = await user.call('POST', `/images/${remote}/push?tag=latest`, undefined, auth);
  if (succeeded(user, pushed, `push ${full}`) && user.random.chance(0.6)) {
    await user.call('DELETE', `/images/${full}`);
    const pulled = await user.call('POST', `/images/create?fromImage=${remote}&tag=latest`);
    if (succeeded(user, pulled, `pull ${full}`) && value) {
      const found = await user.call('GET', `/images/${full}/json`);
      if (found.status === 200 && found.json.Id !== value)
        user.broken(`${full} was pushed as ${value} and pulled as ${found.json.Id}`);
    }
  }
  await user.call('DELETE', `/images/${full}`);
}

export async function build(user: User): Promise<void> {
  const name = newTag(user);
  const context = tarOf({ Dockerfile: `FROM bb\nCOPY x /x-${name}\nRUN echo ${name} > /y\n`, x: name });
  await make(user, name, () => user.call('POST', `/build?t=${name}&forcerm=1`, context));
}

/**
 * A build with BuildKit, by the client: sessions, uploads, a step in a container that no list shows. Its layers stay in
 * the cache of builds.
 */
export async function buildWithBuildKit(user: User): Promise<void> {
  const name = newTag(user);
  const from = performance.now();
  const shared = user.random.between(0, 3);
  const dockerfile = [
    'FROM bb',
    `RUN --mount=type=cache,target=/cache echo ${shared} >> /cache/x && echo ${shared} > /shared`,
    `RUN echo ${name} > /y`,
    '',
  ].join('\n');
  const { images } = user.known;
  images.set(name, { there: 'perhaps' });
  const { status, output } = await user.client(['build', '-q', '-t', name, '-'], dockerfile);
  if (status === 0) {
    images.set(name, { there: 'yes' });
    const found = await user.call('GET', `/images/${name}/json`);
    if (found.status === 200) images.set(name, { there: 'yes', value: found.json.Id });
    else if (found.status < 500) user.broken(`image ${name} was built and is not there: ${found.text}`);
    return;
  }
  // The program may tell of a daemon that went before the events do: this throws then, or comes after them.
  await user.call('GET', '/_ping');
  if (user.stage.events.unbroken(from) && !user.stage.excused(output, from, performance.now()))
    user.broken(`building ${name} with BuildKit: ${status} ${output.slice(-400)}`);
}

/** Only what has no tag: nobody was promised anything of that. */
export async function pruneImages(user: User): Promise<void> {
  await user.call('POST', user.random.pick(['/images/prune', '/build/prune?all=1']));
}
