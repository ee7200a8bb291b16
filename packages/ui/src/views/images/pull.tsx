import { useState } from 'preact/hooks';
import { bytes, visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import type { LayerProgress, Pull } from '../../store/progress.ts';
import { cancel, forget, pull, pulls } from '../../store/pulls.ts';

/** Asks for a name and begins to pull it. */
export function PullForm() {
  const [image, setImage] = useState('');
  return (
    <form
      class="inline"
      onSubmit={(event) => {
        event.preventDefault();
        if (image.trim() === '') return;
        pull(image.trim());
        setImage('');
      }}
    >
      <label>
        <span class="unseen">Image to pull</span>
        <input
          type="text"
          placeholder="Image to pull, as name:tag"
          value={image}
          autocapitalize="off"
          spellcheck={false}
          onInput={({ currentTarget }) => setImage(currentTarget.value)}
        />
      </label>
      <button type="submit">Pull</button>
    </form>
  );
}

function Layer({ layer: { id, status, current, total, done } }: { layer: LayerProgress }) {
  const moves = current > 0 && total > 0;
  // A layer that is being checked or unpacked without numbers has come whole.
  const come = moves ? current : /^(?:Verifying|Download complete|Extracting)/.test(status) ? total : 0;
  return (
    <li>
      <code>{visible(id)}</code>
      <progress
        aria-label={`Layer ${visible(id)}`}
        value={done ? 1 : total > 0 ? Math.min(1, come / total) : 0}
      />
      <span>
        {visible(status)}
        {moves && ` ${bytes(current)} of ${bytes(total)}`}
      </span>
    </li>
  );
}

/** A pull with a bar for each layer. */
export function PullProgress({ pull: { key, image, state, said, layers } }: { pull: Pull }) {
  const name = visible(image);
  return (
    <section class="pull" aria-label={`Pull of ${name}`}>
      <header>
        <strong>{name}</strong>
        {state === 'running' ? (
          <button type="button" aria-label={`Cancel the pull of ${name}`} onClick={() => cancel(key)}>
            Cancel
          </button>
        ) : (
          <button
            type="button"
            class="quiet"
            aria-label={`Close the pull of ${name}`}
            onClick={() => forget(key)}
          >
            ×
          </button>
        )}
      </header>
      {layers.length > 0 && (
        <ul>
          {layers.map((layer) => (
            <Layer key={layer.id} layer={layer} />
          ))}
        </ul>
      )}
      <p role={state === 'failed' ? 'alert' : 'status'} class={state === 'failed' ? 'wrong' : undefined}>
        {visible(said)}
      </p>
    </section>
  );
}

/** The pulls of this page, as they go on. */
export const Pulls = () => (
  <>
    {useValue(pulls).map((one) => (
      <PullProgress key={one.key} pull={one} />
    ))}
  </>
);
