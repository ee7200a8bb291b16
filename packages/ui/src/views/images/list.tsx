import { useState } from 'preact/hooks';
import { ago, bytes, holds, shortId, visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import { type Container, engine, type Image } from '../../store/engine.ts';
import { Check } from '../../widgets/check.tsx';
import { Find } from '../../widgets/find.tsx';
import { link } from '../../widgets/route.ts';
import { Table } from '../../widgets/table.tsx';
import { Users } from '../users.tsx';
import { ImageActions, PruneImages } from './actions.tsx';
import { containersOf, nameOf, tagsOf } from './names.ts';
import { PullForm, Pulls } from './pull.tsx';

const matches = (image: Image, text: string): boolean =>
  holds(text, [image.Id, ...tagsOf(image), ...(image.RepoDigests ?? [])], image.Labels);

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
    .filter(({ image, users }) => (!unused || users.length === 0) && (text === '' || matches(image, text)));
  return (
    <>
      <div class="bar">
        <h1>Images</h1>
        <Find label="Find an image" placeholder="Name, id, label" value={text} onValue={setText} />
        <Check checked={unused} onChecked={setUnused}>
          Unused only
        </Check>
        <span class="count" role="status">
          {shown.length} of {images.length}
        </span>
        <PullForm />
        <PruneImages />
      </div>
      <Pulls />
      <Table
        caption="Images"
        columns={['Name', 'Id', 'Created', 'Size', 'Shared', 'Its own', 'Used by']}
        numbers={['Size', 'Shared', 'Its own']}
        actions
        rows={shown}
      >
        {({ image, users }) => <Row key={image.Id} image={image} users={users} />}
      </Table>
      {images.length === 0 && <p class="waiting">No images yet.</p>}
    </>
  );
}
