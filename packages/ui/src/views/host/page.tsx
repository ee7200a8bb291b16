import type { ResponseOf } from '@berth/api-spec';
import { useState } from 'preact/hooks';
import { call } from '../../api/requests.ts';
import { bytes, memory, visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import { engine } from '../../store/engine.ts';
import { Answer } from '../../widgets/answer.tsx';
import { Facts } from '../../widgets/facts.tsx';
import { Json } from '../../widgets/json.tsx';
import { lazy } from '../../widgets/lazy.tsx';
import { Table } from '../../widgets/table.tsx';
import { Tabs } from '../../widgets/tabs.tsx';
import { diskRows } from './disk.ts';

const Audit = lazy(async () => (await import('../audit.tsx')).Audit);

const TABS = [
  ['', 'Overview'],
  ['disk', 'Disk'],
  ['audit', 'Audit'],
  ['inspect', 'Inspect'],
] as const;

type Info = ResponseOf<'SystemInfo'>;
type Version = ResponseOf<'SystemVersion'>;

const askInfo = (signal: AbortSignal): Promise<Info> => call<'SystemInfo'>('GET', '/info', { signal });

/** The machine and its engine: what they are, what the disk holds, and what an audit finds. */
export function HostPage({ tab }: { tab: string }) {
  return (
    <>
      <div class="bar">
        <h1>Host</h1>
      </div>
      <Tabs label="Views of the host" base={['host']} tabs={TABS} current={tab} />
      {tab === '' && (
        <Answer
          ask={async (signal) => {
            const asked = [askInfo(signal), call<'SystemVersion'>('GET', '/version', { signal })] as const;
            const [info, version] = await Promise.all(asked);
            return { info, version };
          }}
        >
          {(value) => <Overview {...value} />}
        </Answer>
      )}
      {tab === 'disk' && <Disk />}
      {tab === 'audit' && <Audit of="host" />}
      {tab === 'inspect' && <Answer ask={askInfo}>{(info) => <Json value={info} />}</Answer>}
    </>
  );
}

function Overview({ info, version }: { info: Info; version: Version }) {
  const containers = [...(useValue(engine.containers)?.values() ?? [])];
  const states = Map.groupBy(containers, ({ State }) => State);
  const warnings = info.Warnings ?? [];
  const proxies = [info.HttpProxy, info.HttpsProxy].filter(Boolean);
  return (
    <>
      {warnings.map((warning) => (
        <p key={warning} class="trouble">
          {visible(warning)}
        </p>
      ))}
      <h2>Engine</h2>
      <Facts
        rows={[
          ['Engine', `${visible(version.Platform?.Name || 'Engine')} ${visible(version.Version)}`],
          ['API', `${version.ApiVersion}, from ${version.MinAPIVersion} on`],
          ['Built', visible(version.BuildTime ?? '')],
          ['Containers', [...states].map(([state, some]) => `${some.length} ${state}`).join(', ') || 'none'],
          ['Images', String(info.Images)],
          ['Data', visible(info.DockerRootDir)],
          ['Storage', visible(info.Driver)],
          [
            '',
            (info.DriverStatus ?? []).map((pair) => (
              <span key={pair[0]} class="item">
                {visible(pair.join(': '))}
              </span>
            )),
          ],
          ['Logs', visible(info.LoggingDriver)],
          ['Runtimes', visible(Object.keys(info.Runtimes ?? {}).join(', '))],
          ['Default runtime', visible(info.DefaultRuntime ?? '')],
          ['Networks', visible((info.Plugins?.Network ?? []).join(', '))],
          ['Firewall', visible(info.FirewallBackend?.Driver ?? '')],
          ['Security', visible((info.SecurityOptions ?? []).join(', '))],
          ['Labels', visible((info.Labels ?? []).join(', '))],
          ['Proxies', visible(proxies.join(', '))],
        ]}
      />
      <h2>Machine</h2>
      <Facts
        rows={[
          ['Name', visible(info.Name)],
          ['System', visible(info.OperatingSystem)],
          ['Kernel', visible(info.KernelVersion)],
          ['Processors', `${info.NCPU}, ${visible(info.Architecture)}`],
          ['Memory', memory(info.MemTotal)],
          ['Control groups', `version ${info.CgroupVersion}, by ${info.CgroupDriver}`],
          ['Time', new Date(info.SystemTime ?? 0).toLocaleString()],
        ]}
      />
    </>
  );
}

/** The use of the disk. To measure it costs the engine something, so it is measured at the user's request. */
function Disk() {
  const [round, setRound] = useState(0);
  return (
    <>
      <div class="bar">
        <button type="button" onClick={() => setRound(round + 1)}>
          Measure again
        </button>
      </div>
      <Answer
        again={String(round)}
        ask={(signal) => call<'SystemDataUsage'>('GET', '/system/df', { signal })}
      >
        {(usage) => (
          <Table
            caption="Disk use"
            columns={['Kind', 'Count', 'In use', 'Size', 'Not in use']}
            numbers={['Count', 'In use', 'Size', 'Not in use']}
            rows={diskRows(usage)}
          >
            {({ name, count, active, size, unused }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td data-title="Count" class="number">
                  {count}
                </td>
                <td data-title="In use" class="number">
                  {active}
                </td>
                <td data-title="Size" class="number">
                  {bytes(size)}
                </td>
                <td data-title="Not in use" class="number">
                  {bytes(unused)}
                </td>
              </tr>
            )}
          </Table>
        )}
      </Answer>
    </>
  );
}
