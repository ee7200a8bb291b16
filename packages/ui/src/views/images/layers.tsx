import type { ResponseOf } from '@berth/api-spec';
import { call } from '../../api/requests.ts';
import { bytes, shortId, visible } from '../../base/text.ts';
import { Answer } from '../../widgets/answer.tsx';
import { SCROLLS } from '../../widgets/scrolls.ts';

type Analysis = ResponseOf<'ImageAnalyze'>;

/** Characters of an instruction that are shown at once. */
const WIDEST = 300;

/** The end of instructions that BuildKit recorded. */
const BUILDKIT = '# buildkit';

/** An instruction without what builders put around it, of at most so many characters. */
function instruction(createdBy: string): string {
  const whole = createdBy.endsWith(BUILDKIT) ? createdBy.slice(0, -BUILDKIT.length) : createdBy;
  const text = whole
    .trim()
    .slice(0, 2 * WIDEST)
    .replace(/^\/bin\/sh -c #\(nop\)\s+/, '')
    .replace(/^(?:RUN )?\/bin\/sh -c /, 'RUN ');
  return visible(text.slice(0, WIDEST)) || 'no instruction is recorded';
}

const count = (files: number): string => `${files} ${files === 1 ? 'file' : 'files'}`;

const REASONS: Record<Analysis['Wasted'][number]['Reason'], string> = {
  deleted: 'deleted by a later layer',
  replaced: 'written again by a later layer',
  metadata: 'copied by a later layer, as owner, mode or time changed',
};

/** The layers as they lie on one another, each as wide as its share, what is wasted of it marked. */
function Stack({ layers }: { layers: Analysis['Layers'] }) {
  const largest = Math.max(1, ...layers.map(({ Size }) => Size));
  return (
    <ol class="stack" aria-label="Layers, the topmost first" reversed start={layers.length}>
      {layers.toReversed().map(({ Index, DiffId, CreatedBy, Size, Files, Hidden, Wasted, Largest }) => (
        <li key={Index}>
          <code class="instruction">{instruction(CreatedBy)}</code>
          <span class="share" aria-hidden="true">
            <span style={{ width: `${((Size - Wasted.Size) / largest) * 100}%` }} />
            <span class="wasted" style={{ width: `${(Wasted.Size / largest) * 100}%` }} />
          </span>
          <span>
            {bytes(Size)} in {count(Files)}
            {Hidden.Files > 0 && `, hides ${count(Hidden.Files)} below`}
            {Wasted.Size > 0 && (
              <>
                , <span class="warned">{bytes(Wasted.Size)} of it wasted</span>
              </>
            )}
          </span>{' '}
          <small>{shortId(DiffId)}</small>
          {Largest.length > 0 && (
            <details>
              <summary>Largest files</summary>
              <ul>
                {Largest.map((file) => (
                  <li key={file.Path}>
                    <code>{visible(file.Path)}</code> {bytes(file.Size)}
                  </li>
                ))}
              </ul>
            </details>
          )}
        </li>
      ))}
    </ol>
  );
}

const Waste = ({ wasted }: { wasted: Analysis['Wasted'] }) => (
  <section class="wide" {...SCROLLS} aria-label="Wasted files">
    <table>
      <thead>
        <tr>
          <th scope="col">File</th>
          <th scope="col" class="number">
            Size
          </th>
          <th scope="col">Why</th>
          <th scope="col">Layers</th>
        </tr>
      </thead>
      <tbody>
        {wasted.map(({ Path, Size, Reason, Layers }) => (
          <tr key={Path}>
            <td class="long">
              <code>{visible(Path)}</code>
            </td>
            <td class="number">{bytes(Size)}</td>
            <td>{REASONS[Reason]}</td>
            <td>{Layers.map((layer) => layer + 1).join(', ')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </section>
);

/** The layers of an image, what each adds, and what is in them in vain. */
export const Layers = ({ id }: { id: string }) => (
  <Answer
    again={id}
    ask={(signal) =>
      call<'ImageAnalyze'>('GET', `/images/${id}/analyze` as '/images/{name}/analyze', { signal })
    }
  >
    {({ Layers: layers, Size, VisibleSize, WastedSize, Score, Wasted, Hints }) => (
      <>
        <p>
          {bytes(Size)} in {layers.length} {layers.length === 1 ? 'layer' : 'layers'}, of which a container
          sees {bytes(VisibleSize)}. <strong>{bytes(WastedSize)} wasted</strong>, {Score} of 100 points.
        </p>
        <Stack layers={layers} />
        {Wasted.length > 0 && (
          <>
            <h2>Wasted: in a layer, and not seen</h2>
            <Waste wasted={Wasted} />
          </>
        )}
        {Hints.length > 0 && (
          <>
            <h2>What could go</h2>
            <ul>
              {Hints.map(({ Kind, Message, Size: size, Paths }) => (
                <li key={Kind}>
                  {bytes(size)}: {visible(Message)}{' '}
                  <small>
                    {Paths.slice(0, 3).map(visible).join(', ')}
                    {Paths.length > 3 && ' …'}
                  </small>
                </li>
              ))}
            </ul>
          </>
        )}
      </>
    )}
  </Answer>
);
