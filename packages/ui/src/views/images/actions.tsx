import { useState } from 'preact/hooks';
import { call } from '../../api/requests.ts';
import { bytes } from '../../base/text.ts';
import type { Container, Image } from '../../store/engine.ts';
import { Ask } from '../../widgets/ask.tsx';
import { Check } from '../../widgets/check.tsx';
import { Field } from '../../widgets/field.tsx';
import { done } from '../../widgets/notices.tsx';
import { Prune } from '../prune.tsx';
import { nameOf, tagsOf } from './names.ts';

const path = (name: string) => `/images/${encodeURIComponent(name)}` as '/images/{name}';

function Remove({ image, users, onRemoved, onClose }: ActionProps & { onClose: () => void }) {
  const [force, setForce] = useState(false);
  const names = tagsOf(image);
  const work = async (): Promise<void> => {
    // Several names go at once by force alone; a container that uses it is the user's to decide about.
    const query = { force: force || (names.length > 1 && users.length === 0) };
    await call<'ImageDelete'>('DELETE', path(image.Id), { query });
    done(`${nameOf(image)} removed`);
  };
  return (
    <Ask
      title={`Remove ${nameOf(image)}?`}
      verb="Remove"
      danger
      work={work}
      onClose={onClose}
      onDone={onRemoved}
    >
      <p>
        {names.length > 1 && `It loses its ${names.length} names. `}
        Layers that no other image has are deleted.
      </p>
      {users.length > 0 && (
        <Check checked={force} onChecked={setForce}>
          Although containers that do not run use it
        </Check>
      )}
    </Ask>
  );
}

function Tag({ image, onClose }: { image: Image; onClose: () => void }) {
  const [name, setName] = useState('');
  const work = async (): Promise<void> => {
    const [, repo = '', tag] = /^(.*?)(?::([^/:]*))?$/.exec(name.trim())!;
    const query = { repo, ...(tag !== undefined && { tag }) };
    await call<'ImageTag'>('POST', `${path(image.Id)}/tag` as '/images/{name}/tag', { query });
    done(`${nameOf(image)} is ${name.trim()} too`);
  };
  return (
    <Ask title={`Give ${nameOf(image)} one more name`} verb="Tag" work={work} onClose={onClose}>
      <Field label="Name" value={name} onValue={setName} hint="NAME:TAG; without a tag it is latest" />
    </Ask>
  );
}

interface ActionProps {
  image: Image;
  users: readonly Container[];
  onRemoved?: (() => void) | undefined;
}

/** Buttons for what can be done to an image. */
export function ImageActions({ image, users, onRemoved }: ActionProps) {
  const [asking, setAsking] = useState('');
  const name = nameOf(image);
  const close = (): void => setAsking('');
  return (
    <span class="actions">
      <button type="button" aria-label={`tag ${name}`} onClick={() => setAsking('tag')}>
        tag
      </button>
      <button type="button" aria-label={`remove ${name}`} onClick={() => setAsking('remove')}>
        remove
      </button>
      {asking === 'tag' && <Tag image={image} onClose={close} />}
      {asking === 'remove' && <Remove image={image} users={users} onRemoved={onRemoved} onClose={close} />}
    </span>
  );
}

/** Takes one of several names away. */
export const untag = (name: string): Promise<unknown> =>
  call<'ImageDelete'>('DELETE', path(name), { query: { noprune: true } });

/** A button that removes what nothing uses. */
export function PruneImages() {
  const [asking, setAsking] = useState(false);
  const work = async (all: boolean): Promise<void> => {
    const filters = JSON.stringify({ dangling: [all ? 'false' : 'true'] });
    const { ImagesDeleted, SpaceReclaimed } = await call<'ImagePrune'>('POST', '/images/prune', {
      query: { filters },
    });
    const deleted = (ImagesDeleted ?? []).filter(({ Deleted }) => Deleted).length;
    done(deleted === 0 ? 'There was nothing to remove' : `${bytes(SpaceReclaimed)} reclaimed`);
  };
  return (
    <>
      <button type="button" onClick={() => setAsking(true)}>
        Prune
      </button>
      {asking && (
        <Prune
          of="images"
          said="Images without a name that no container uses are removed."
          work={work}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}
