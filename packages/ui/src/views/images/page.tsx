import { ago, bytes, shortId, visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import { type Container, engine, type Image } from '../../store/engine.ts';
import { Facts } from '../../widgets/facts.tsx';
import { Json } from '../../widgets/json.tsx';
import { lazy } from '../../widgets/lazy.tsx';
import { Missing } from '../../widgets/missing.tsx';
import { attempt } from '../../widgets/notices.tsx';
import { link } from '../../widgets/route.ts';
import { Tabs } from '../../widgets/tabs.tsx';
import { Users } from '../users.tsx';
import { ImageActions, untag } from './actions.tsx';
import { configOf, type Details, useInspected } from './inspected.ts';
import { containersOf, findImage, nameOf, tagsOf } from './names.ts';

const Layers = lazy(async () => (await import('./layers.tsx')).Layers);
const Explained = lazy(async () => (await import('../explained.tsx')).ExplainedImage);
const Audit = lazy(async () => (await import('../audit.tsx')).Audit);

const TABS = [
  ['', 'Overview'],
  ['layers', 'Layers'],
  ['explain', 'Explain'],
  ['audit', 'Audit'],
  ['inspect', 'Inspect'],
] as const;

/** An image: its layers, what its containers get, and what speaks against it. */
export function ImagePage({ id, tab }: { id: string; tab: string }) {
  engine.want('images');
  const images = useValue(engine.images);
  const containers = useValue(engine.containers);
  const image = images && findImage(images, id);
  const details = useInspected(image);
  if (!images) return <p class="waiting">Asking the engine…</p>;
  if (!image) return <Missing kind="image" />;
  const users = containersOf(image, containers);
  return (
    <>
      <div class="bar">
        <h1>{visible(nameOf(image))}</h1>
        <a class="button main" href={link('run', tagsOf(image)[0] ?? image.Id)}>
          Run
        </a>
        <ImageActions image={image} users={users} onRemoved={() => location.assign('#/images')} />
      </div>
      <Tabs label="Views of the image" base={['images', id]} tabs={TABS} current={tab} />
      {tab === '' && <Overview image={image} details={details} users={users} />}
      {tab === 'layers' && <Layers id={image.Id} />}
      {tab === 'explain' && <Explained id={image.Id} />}
      {tab === 'audit' && <Audit of={`images/${image.Id}`} />}
      {tab === 'inspect' && <Json value={details} />}
    </>
  );
}

interface OverviewProps {
  image: Image;
  details: Details | undefined;
  users: readonly Container[];
}

function Overview({ image, details, users }: OverviewProps) {
  const tags = tagsOf(image);
  const { Entrypoint, Cmd, User, WorkingDir, Env, ExposedPorts, Volumes } = configOf(details);
  const shared = Math.max(0, image.SharedSize);
  const labels = Object.entries(image.Labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    <>
      <Facts
        rows={[
          ['Id', <code>{image.Id}</code>],
          [
            'Names',
            tags.map((tag) => (
              <span key={tag} class="item">
                {visible(tag)}{' '}
                {tags.length > 1 && (
                  <button
                    type="button"
                    aria-label={`untag ${tag}`}
                    onClick={() => void attempt(() => untag(tag), `${tag} untagged`)}
                  >
                    untag
                  </button>
                )}
              </span>
            )),
          ],
          [
            'Digests',
            (image.RepoDigests ?? []).map((digest) => (
              <span key={digest} class="item">
                <code>{visible(digest)}</code>
              </span>
            )),
          ],
          ['Created', ago(image.Created)],
          ['Size', `${bytes(image.Size)}${shared > 0 ? `, ${bytes(shared)} of it shared with others` : ''}`],
          ['For', details ? visible(`${details.Os}/${details.Architecture}`) : ''],
          ['Program', visible([...(Entrypoint ?? []), ...(Cmd ?? [])].join(' '))],
          ['User', visible(User ?? '')],
          ['Folder', visible(WorkingDir ?? '')],
          ['Ports', Object.keys(ExposedPorts ?? {}).join(', ')],
          ['Volumes', visible(Object.keys(Volumes ?? {}).join(', '))],
          [
            'Environment',
            (Env ?? []).map((variable) => (
              <span key={variable} class="item">
                <code>{visible(variable)}</code>
              </span>
            )),
          ],
          ['Built on', image.ParentId ? shortId(image.ParentId) : ''],
          ['Used by', users.length > 0 ? <Users containers={users} /> : 'no container'],
        ]}
      />
      {labels.length > 0 && (
        <>
          <h2>Labels</h2>
          <Facts rows={labels.map(([name, value]) => [visible(name), visible(value)])} />
        </>
      )}
    </>
  );
}
