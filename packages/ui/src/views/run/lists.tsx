import { visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import { engine, type Image } from '../../store/engine.ts';
import { Check } from '../../widgets/check.tsx';
import { Rows } from '../../widgets/rows.tsx';
import { configOf, useInspected } from '../images/inspected.ts';
import type { PairRow } from './body.ts';
import { cellsOf, type PartProps } from './bound.ts';

interface CellProps {
  /** The heading above it, which also says to those who hear the page which row's it is. */
  title: string;
  label: string;
  value: string;
  onValue: (value: string) => void;
  placeholder: string;
  list?: string;
}

/** An input of a row. */
const Cell = ({ title, label, value, onValue, placeholder, list }: CellProps) => (
  <label class="cell">
    <small>{title}</small>
    <input
      type="text"
      aria-label={label}
      value={value}
      placeholder={placeholder}
      list={list}
      autocapitalize="off"
      autocomplete="off"
      spellcheck={false}
      onInput={({ currentTarget }) => onValue(currentTarget.value)}
    />
  </label>
);

const BLANK = {
  port: { address: '', host: '', container: '', protocol: 'tcp' },
  mount: { source: '', target: '', readOnly: false },
  pair: { name: '', value: '' },
};

/** Ports, mounts, environment and labels of a container that is to be. */
export function Lists({ form, change, wrongAt, image }: PartProps & { image: Image | undefined }) {
  engine.want('volumes');
  const volumes = useValue(engine.volumes) ?? [];
  const { ExposedPorts, Volumes } = configOf(useInspected(image));
  const listens = Object.keys(ExposedPorts ?? {});
  const keeps = Object.keys(Volumes ?? {});
  return (
    <>
      <Rows
        legend="Ports"
        word="port"
        hint={listens.length > 0 ? `The image listens at ${visible(listens.join(', '))}` : undefined}
        error={wrongAt('ports')}
        rows={form.ports}
        onRows={(ports) => change({ ports })}
        blank={BLANK.port}
      >
        {(row, set, label) => {
          const cell = cellsOf(row, set, label);
          return (
            <>
              <Cell
                title="Address here"
                {...cell('address', 'Address')}
                placeholder="all"
                list="run-addresses"
              />
              <Cell title="Port here" {...cell('host', 'Host port')} placeholder="any" />
              <Cell title="Port in the container" {...cell('container', 'Container port')} placeholder="80" />
              <select
                aria-label={label('Protocol')}
                value={row.protocol}
                onChange={({ currentTarget }) => set({ protocol: currentTarget.value })}
              >
                <option>tcp</option>
                <option>udp</option>
                <option>sctp</option>
              </select>
            </>
          );
        }}
      </Rows>
      <datalist id="run-addresses">
        <option value="127.0.0.1" />
        <option value="::1" />
      </datalist>
      <Rows
        legend="Volumes and folders"
        word="mount"
        hint={keeps.length > 0 ? `The image keeps files in ${visible(keeps.join(', '))}` : undefined}
        error={wrongAt('mounts')}
        rows={form.mounts}
        onRows={(mounts) => change({ mounts })}
        blank={BLANK.mount}
      >
        {(row, set, label) => {
          const cell = cellsOf(row, set, label);
          return (
            <>
              <Cell
                title="Volume, or folder of the host"
                {...cell('source', 'Source')}
                placeholder="name or /path"
                list="run-volumes"
              />
              <Cell title="Place in the container" {...cell('target', 'Place')} placeholder="/path" />
              <Check checked={row.readOnly} onChecked={(checked) => set({ readOnly: checked })}>
                Read-only
              </Check>
            </>
          );
        }}
      </Rows>
      <datalist id="run-volumes">
        {volumes.map(({ Name }) => (
          <option key={Name} value={Name} />
        ))}
      </datalist>
      <Pairs
        legend="Environment"
        word="variable"
        example="NAME"
        error={wrongAt('env')}
        rows={form.env}
        onRows={(env) => change({ env })}
      />
      <Pairs
        legend="Labels"
        word="label"
        example="com.example.team"
        error={wrongAt('labels')}
        rows={form.labels}
        onRows={(labels) => change({ labels })}
      />
    </>
  );
}

interface PairsProps {
  legend: string;
  word: string;
  example: string;
  error: string | undefined;
  rows: PairRow[];
  onRows: (rows: PairRow[]) => void;
}

/** Names with values. */
const Pairs = ({ example, ...rows }: PairsProps) => (
  <Rows {...rows} blank={BLANK.pair}>
    {(row, set, label) => {
      const cell = cellsOf(row, set, label);
      return (
        <>
          <Cell title="Name" {...cell('name', 'Name')} placeholder={example} />
          <Cell title="Value" {...cell('value', 'Value')} placeholder="value" />
        </>
      );
    }}
  </Rows>
);
