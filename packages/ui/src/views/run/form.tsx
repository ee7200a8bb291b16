import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { call, type EngineError } from '../../api/requests.ts';
import { useValue } from '../../base/use-value.ts';
import { engine } from '../../store/engine.ts';
import { pull, pulls } from '../../store/pulls.ts';
import { Field } from '../../widgets/field.tsx';
import { done, wrong } from '../../widgets/notices.tsx';
import { link } from '../../widgets/route.ts';
import { findImage, tagsOf } from '../images/names.ts';
import { PullProgress } from '../images/pull.tsx';
import { createBody, emptyForm, type RunForm } from './body.ts';
import { FieldError, type FieldName, fieldOf } from './fields.ts';
import { Health } from './health.tsx';
import { Lists } from './lists.tsx';
import { Program } from './program.tsx';
import { Settings } from './settings.tsx';

/** Milliseconds that the page waits to hear of a container that it has made, before it shows it. */
const HEARD = 2000;

/** Settles when the page knows of a container. */
function heard(id: string): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (!engine.containers.get()?.has(id)) return;
      ends();
      resolve();
    };
    const ends = engine.containers.follow(check);
    setTimeout(() => {
      ends();
      resolve();
    }, HEARD);
    check();
  });
}

/** Creates and starts a container; one that does not start is removed, so that its name is free for the next try. */
async function run(form: RunForm): Promise<string> {
  const body = createBody(form);
  const name = form.name.trim();
  const { Id } = await call<'ContainerCreate'>('POST', '/containers/create', {
    query: name ? { name } : {},
    body,
  });
  const path = `/containers/${Id}`;
  try {
    await call<'ContainerStart'>('POST', `${path}/start` as '/containers/{id}/start');
  } catch (error) {
    await call<'ContainerDelete'>('DELETE', path as '/containers/{id}', {
      query: { force: true, v: true },
    }).catch(() => undefined);
    throw error;
  }
  return Id;
}

/** Everything that a container is run with; what the engine refuses is said at the field that it is about. */
export function RunPage({ image }: { image: string }) {
  engine.want('images');
  const images = useValue(engine.images);
  const [form, setForm] = useState(() => emptyForm(image));
  const [error, setError] = useState<{ field?: FieldName | undefined; message: string; missing?: boolean }>();
  const [busy, setBusy] = useState(false);
  const [pulling, setPulling] = useState<number>();
  const progress = useValue(pulls).find(({ key }) => key === pulling);
  const element = useRef<HTMLFormElement>(null);
  // After a pull that took its time, what the form holds then is run.
  const latest = useRef(form);
  latest.current = form;
  const change = (parts: Partial<RunForm>): void => setForm((before) => ({ ...before, ...parts }));
  const known = images && findImage(images, form.image.trim());
  const wrongAt = (field: FieldName): string | undefined =>
    error?.field === field ? error.message : undefined;

  // At once: a key that is pressed while the refusal is read goes to the field.
  useLayoutEffect(() => {
    if (!error) return;
    const place = element.current?.querySelector<HTMLElement>(
      'input[aria-invalid], select[aria-invalid], [data-invalid] input, [data-invalid] button',
    );
    place?.focus();
  }, [error]);

  const start = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    const { current } = latest;
    try {
      const id = await run(current);
      await heard(id);
      done(`${current.name.trim() || id.slice(0, 12)} runs`);
      // Whoever has gone elsewhere meanwhile stays there.
      if (element.current) location.assign(link('containers', id.slice(0, 12)));
    } catch (reason) {
      const { message } = reason as Error;
      if (!element.current) wrong(reason);
      const field = reason instanceof FieldError ? reason.field : fieldOf(message, current);
      setError({ field, message, missing: field === 'image' && (reason as EngineError).status === 404 });
      setBusy(false);
    }
  };
  const pullAndStart = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    const { key, ended } = pull(form.image.trim());
    setPulling(key);
    const { state } = await ended;
    if (state === 'done') await start();
    else setBusy(false);
  };
  return (
    <form
      ref={element}
      class="run"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void start();
      }}
    >
      <div class="bar">
        <h1>Run a container</h1>
      </div>
      <Field
        label="Image"
        value={form.image}
        onValue={(value) => change({ image: value })}
        error={wrongAt('image')}
        offers={(images ?? []).flatMap(tagsOf)}
        placeholder="name:tag"
      >
        {error?.missing && (
          <button type="button" onClick={() => void pullAndStart()}>
            Pull it and run
          </button>
        )}
      </Field>
      {progress && <PullProgress pull={progress} />}
      <Field
        label="Name"
        value={form.name}
        onValue={(name) => change({ name })}
        error={wrongAt('name')}
        hint="One is made up when there is none"
      />
      <Program form={form} change={change} wrongAt={wrongAt} image={known} />
      <Lists form={form} change={change} wrongAt={wrongAt} image={known} />
      <Settings form={form} change={change} wrongAt={wrongAt} />
      <Health form={form} change={change} wrongAt={wrongAt} />
      {error && error.field === undefined && (
        <p class="wrong" role="alert">
          {error.message}
        </p>
      )}
      <footer>
        <button type="submit" class="main" disabled={busy}>
          {busy ? 'Run…' : 'Run'}
        </button>
      </footer>
    </form>
  );
}
