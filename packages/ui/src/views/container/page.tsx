import type { ResponseOf } from '@berth/api-spec';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../../api/requests.ts';
import { ago, bytes, shortId, visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import { type Container, engine } from '../../store/engine.ts';
import { Facts } from '../../widgets/facts.tsx';
import { Json } from '../../widgets/json.tsx';
import { lazy } from '../../widgets/lazy.tsx';
import { Missing } from '../../widgets/missing.tsx';
import { link } from '../../widgets/route.ts';
import { Tabs } from '../../widgets/tabs.tsx';
import { Actions, nameOf } from '../containers/actions.tsx';
import { healthOf, portsOf, Status } from '../containers/list.tsx';
import { Logs } from './logs.tsx';

const Graphs = lazy(async () => (await import('./graphs.tsx')).Graphs);
const Terminal = lazy(async () => (await import('./terminal.tsx')).Terminal);
const Explained = lazy(async () => (await import('../explained.tsx')).ExplainedContainer);
const Why = lazy(async () => (await import('../why.tsx')).Why);
const Audit = lazy(async () => (await import('../audit.tsx')).Audit);

const TABS = [
  ['', 'Overview'],
  ['logs', 'Logs'],
  ['terminal', 'Terminal'],
  ['explain', 'Explain'],
  ['why', 'Why'],
  ['audit', 'Audit'],
  ['inspect', 'Inspect'],
] as const;

type Details = ResponseOf<'ContainerInspect'>;

/** A container: what it is and does, and everything that can be asked of it. */
export function ContainerPage({ id, tab }: { id: string; tab: string }) {
  const known = useValue(engine.containers);
  const [details, setDetails] = useState<Details | undefined>(undefined);
  const container = known && [...known.values()].find((one) => one.Id.startsWith(id) || nameOf(one) === id);
  // The engine's line of it changes when it does.
  const again = container ? `${container.Id} ${container.State} ${container.Status}` : '';
  useEffect(() => {
    if (!container) return;
    call<'ContainerInspect'>('GET', `/containers/${container.Id}/json` as '/containers/{id}/json').then(
      setDetails,
      () => undefined,
    );
  }, [container]);
  if (!known) return <p class="waiting">Asking the engine…</p>;
  if (!container) return <Missing kind="container" />;
  const runs = container.State === 'running';
  return (
    <>
      <div class="bar">
        <h1>{visible(nameOf(container))}</h1>
        <span class={`state ${container.State}`}>{container.State}</span>
        {healthOf(container) && <span class={`health ${healthOf(container)}`}>{healthOf(container)}</span>}
        <Actions container={container} onRemoved={() => location.assign('#/containers')} />
      </div>
      <Tabs label="Views of the container" base={['containers', id]} tabs={TABS} current={tab} />
      {tab === '' && (
        <>
          {runs && <Graphs id={container.Id} />}
          <Overview container={container} details={details} />
        </>
      )}
      {tab === 'logs' && <Logs id={container.Id} runs={runs} />}
      {tab === 'terminal' &&
        (runs ? (
          <Terminal id={container.Id} own={Boolean(details?.Config?.Tty && details.Config.OpenStdin)} />
        ) : (
          <p>It does not run: start it for a terminal.</p>
        ))}
      {tab === 'explain' && <Explained id={container.Id} again={again} />}
      {tab === 'why' && <Why id={container.Id} again={again} />}
      {tab === 'audit' && <Audit of={`containers/${container.Id}`} again={again} />}
      {tab === 'inspect' && <Json value={details} />}
    </>
  );
}

function Overview({ container, details }: { container: Container; details: Details | undefined }) {
  const labels = Object.entries(container.Labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    <>
      <Facts
        rows={[
          ['Id', shortId(container.Id)],
          ['Image', <a href={link('images', container.ImageID)}>{visible(container.Image)}</a>],
          ['Command', visible(container.Command)],
          ['State', <Status container={container} />],
          ['Created', ago(container.Created)],
          ['Ports', portsOf(container).join(', ')],
          [
            'Networks',
            Object.entries(container.NetworkSettings?.Networks ?? {}).map(([name, one]) => (
              <span key={name} class="item">
                <a href={link('networks', name)}>{visible(name)}</a> {one?.IPAddress}
              </span>
            )),
          ],
          [
            'Mounts',
            (container.Mounts ?? []).map(({ Type, Name, Source, Destination, RW }) => (
              <span key={Destination} class="item">
                {Name ? <a href={link('volumes', Name)}>{visible(Name)}</a> : visible(Source ?? Type ?? '')}{' '}
                on {visible(Destination ?? '')}
                {RW ? '' : ', read-only'}
              </span>
            )),
          ],
          ['Restart', details?.HostConfig?.RestartPolicy?.Name ?? ''],
          ['Memory limit', details?.HostConfig?.Memory ? bytes(details.HostConfig.Memory) : 'none'],
          ['Restarts', String(details?.RestartCount ?? '')],
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
