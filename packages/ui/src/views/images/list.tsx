import { useState } from 'preact/hooks';
import { ago, bytes, shortId, visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import { type Container, engine, type Image } from '../../store/engine.ts';
import { link } from '../../widgets/route.ts';
import { Users } from '../users.tsx';
import { ImageActions, PruneImages } from './actions.tsx';
import { containersOf, nameOf, tagsOf } from './names.ts';
import { PullForm, Pulls } from './pull.tsx';

function matches(image: Image, text: string): boolean {
  const labels = Object.entries(image.Labels ?? {}).map(([name, value]) => `${name}=${value}`);
  return [image.Id, ...tagsOf(image), ...(image.RepoDigests ?? []), ...labels].some((part) =>
    part.toLowerCase().includes(text),
  );
}

function Row({ image, users }: { image: Image; users: readonly Container[] }) {
  const tags = tagsOf(image);
  return (
    <tr>
      <th scope="row">
        <a href={link('images', image.Id)}>{visible(nameOf(image))}</a>
        {tags.slice(1).map((tag) => (
          <span key={tag} class="item">
            {visible(tag)}
          </span>
        ))}
        {tags.length === 0 && <span class="state">dangling</span>}
      </th>
      <td data-title="Id">
        <code>{shortId(image.Id)}</code>
      </td>
      <td data-title="Created">{ago(image.Created)}</td>
      <td data-title="Size" class="number">
        {bytes(image.Size)}
      </td>
      <td data-title="Shared" class="number">
        {image.SharedSize > 0 && bytes(image.SharedSize)}
      </td>
      <td data-title="Its own" class="number">
        {bytes(image.Size - Math.max(0, image.SharedSize))}
      </td>
      <td data-title="Used by">
        <Users containers={users} />
      </td>
      <td class="buttons">
        <ImageActions image={image} users={users} />
      </td>
    </tr>
  );
}

/** All images, the newest first. */
export function Images() {
  engine.want('images');
  const images = useValue(engine.images);
  const containers = useValue(engine.containers);
  const [text, setText] = useState('');
  const [unused, setUnused] = useState(false);
  if (!images) return <p class="waiting">Asking the engine…</p>;
  const shown = images
    .map((image) => ({ image, users: containersOf(image, containers) }))
    .filter(
      ({ image, users }) =>
        (!unused || users.length === 0) && (text === '' || matches(image, text.toLowerCase())),
    );
  return (
    <>
      <div class="bar">
        <h1>Images</h1>
        <label class="find">
          <span class="unseen">Find an image</span>
          <input
            type="search"
            placeholder="Name, id, label"
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={unused}
            onChange={({ currentTarget }) => setUnused(currentTarget.checked)}
          />
          Unused only
        </label>
        <span class="count" role="status">
          {shown.length} of {images.length}
        </span>
        <PullForm />
        <PruneImages />
      </div>
      <Pulls />
      <table class="cards">
        <caption class="unseen">Images</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Id</th>
            <th scope="col">Created</th>
            <th scope="col" class="number">
              Size
            </th>
            <th scope="col" class="number">
              Shared
            </th>
            <th scope="col" class="number">
              Its own
            </th>
            <th scope="col">Used by</th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ image, users }) => (
            <Row key={image.Id} image={image} users={users} />
          ))}
        </tbody>
      </table>
      {images.length === 0 && <p class="waiting">No images yet.</p>}
    </>
  );
}
