import { useState } from 'preact/hooks';
import { holds, visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import { clock, statusOf } from '../../store/clock.ts';
import { type Container, engine } from '../../store/engine.ts';
import { Check } from '../../widgets/check.tsx';
import { Find } from '../../widgets/find.tsx';
import { link } from '../../widgets/route.ts';
import { Table } from '../../widgets/table.tsx';
import { Actions, nameOf } from './actions.tsx';
import { UsageCells } from './usage.tsx';

/** The health that the status of a container tells, `healthy` of `Up 3 minutes (healthy)`. */
export const healthOf = ({ Status }: Container): string =>
  /\((healthy|unhealthy|health: starting)\)/.exec(Status)?.[1]?.replace('health: ', '') ?? '';

/** Published ports, each once: `127.0.0.1:8080→80/tcp`, and without an address those of all addresses. */
export function portsOf({ Ports }: Container): string[] {
  const texts = (Ports ?? []).map(({ IP = '', PrivatePort, PublicPort, Type }) => {
    const inside = `${PrivatePort}/${Type}`;
    if (!PublicPort) return inside;
    const address = IP === '0.0.0.0' || IP === '::' ? '' : IP.includes(':') ? `[${IP}]` : IP;
    return `${address}:${PublicPort}→${inside}`;
  });
  return [...new Set(texts)];
}

function matches(container: Container, text: string): boolean {
  const { Image, State, Id, Labels } = container;
  const texts = [nameOf(container), Image, State, Id, healthOf(container), ...portsOf(container)];
  return holds(text, texts, Labels);
}

/** The state of a container in words, and for how long it has been in it; time goes on without an event. */
export function Status({ container }: { container: Container }) {
  useValue(clock);
  return <>{statusOf(container)}</>;
}

function Since({ container }: { container: Container }) {
  useValue(clock);
  return <small>{statusOf(container).replace(/ \((?:un)?healthy\)| \(health: starting\)/, '')}</small>;
}

function Row({ container }: { container: Container }) {
  const { Id, Image, State } = container;
  const health = healthOf(container);
  return (
    <tr>
      <th scope="row">
        <a href={link('containers', Id.slice(0, 12))}>{visible(nameOf(container))}</a>
      </th>
      <td data-title="Image" class="long">
        {visible(Image)}
      </td>
      <td data-title="State">
        <span class={`state ${State}`}>{State}</span>{' '}
        {health && <span class={`health ${health}`}>{health}</span>}
        {State !== 'created' && <Since container={container} />}
      </td>
      <td data-title="Ports" class="ports">
        {portsOf(container).map((port) => (
          <span key={port}>{port}</span>
        ))}
      </td>
      <UsageCells id={Id} runs={State === 'running'} />
      <td class="buttons">
        <Actions container={container} />
      </td>
    </tr>
  );
}

/** All containers, the newest first. */
export function Containers() {
  const known = useValue(engine.containers);
  const [text, setText] = useState('');
  const [running, setRunning] = useState(false);
  if (!known) return <p class="waiting">Asking the engine…</p>;
  const all = [...known.values()].sort((a, b) => b.Created - a.Created);
  const shown = all.filter(
    (one) => (!running || one.State === 'running') && (text === '' || matches(one, text)),
  );
  return (
    <>
      <div class="bar">
        <h1>Containers</h1>
        <Find
          label="Find a container"
          placeholder="Name, image, state, port, label"
          value={text}
          onValue={setText}
        />
        <Check checked={running} onChecked={setRunning}>
          Running only
        </Check>
        <span class="count" role="status">
          {shown.length} of {all.length}
        </span>
        <a class="button main" href="#/run">
          Run
        </a>
      </div>
      <Table
        caption="Containers"
        columns={['Name', 'Image', 'State', 'Ports', 'CPU', 'Memory', 'Network', 'Disk']}
        numbers={['CPU', 'Memory', 'Network', 'Disk']}
        actions
        rows={shown}
      >
        {(one) => <Row key={one.Id} container={one} />}
      </Table>
      {all.length === 0 && <p class="waiting">No containers yet.</p>}
    </>
  );
}
