import { visible } from '../base/text.ts';
import { SCROLLS } from './scrolls.ts';
import { useSome } from './table.tsx';

interface Part {
  title: string;
  rows: string[][];
  bars?: Array<number | undefined>;
}

/** The parts of an explanation as tables; those without rows are left out. */
export function Parts({ parts }: { parts: readonly Part[] }) {
  return (
    <>
      {parts
        .filter(({ rows }) => rows.length > 0)
        .map((part, index) => (
          // Titles may be the same twice.
          <PartTable key={index} {...part} />
        ))}
    </>
  );
}

function PartTable({ title, rows, bars = [] }: Part) {
  const [some, more] = useSome(rows);
  return (
    <div class="part">
      <h2>{visible(title)}</h2>
      <section class="wide" {...SCROLLS} aria-label={title}>
        <table>
          <tbody>
            {some.map((row, place) => (
              <tr key={place}>
                {row.map((cell, column) => (
                  <td key={column} class={column === row.length - 1 ? 'last' : undefined}>
                    {visible(cell)}
                    {column === 1 && bars[place] !== undefined && (
                      <meter value={bars[place]} aria-label={`${row[0]}: share of the limit`} />
                    )}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {more}
    </div>
  );
}

/** The ways of packets: boxes from the program to the world, in their order. */
export function Ways({ ways }: { ways: ReadonlyArray<readonly string[][]> }) {
  return (
    <>
      {ways.map((steps, index) => (
        <ol key={index} class="way" aria-label="The way of its packets">
          {steps.map(([head, ...lines], place) => (
            <li key={place}>
              <strong>{visible(head ?? '')}</strong>
              {lines.map((line, row) => (
                <span key={row}>{visible(line)}</span>
              ))}
            </li>
          ))}
        </ol>
      ))}
    </>
  );
}
