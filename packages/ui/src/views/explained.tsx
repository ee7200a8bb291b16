import { imageParts, imageTitle, networkParts, networkTitle } from '@berth/client/explain/others.ts';
import { containerParts, containerTitle } from '@berth/client/explain/rows.ts';
import { containerWay, networkWay } from '@berth/client/explain/way.ts';
import { call } from '../api/requests.ts';
import { visible } from '../base/text.ts';
import type { Wired } from '../store/wiring.ts';
import { Answer } from '../widgets/answer.tsx';
import { Parts, Ways } from '../widgets/parts.tsx';

const path = (kind: string, name: string) => `/berth/explain/${kind}/${encodeURIComponent(name)}`;

/** The facts of a container; `again` changes when it is to be asked anew. */
export const ExplainedContainer = ({ id, again }: { id: string; again: string }) => (
  <Answer
    again={again}
    ask={(signal) =>
      call<'ExplainContainer'>('GET', path('containers', id) as '/berth/explain/containers/{id}', { signal })
    }
  >
    {(value) => (
      <>
        <p>{visible(containerTitle(value))}</p>
        <Ways ways={containerWay(value)} />
        <Parts parts={containerParts(value)} />
      </>
    )}
  </Answer>
);

/** An image's layers, and what its containers would get. */
export const ExplainedImage = ({ id }: { id: string }) => (
  <Answer
    again={id}
    ask={(signal) =>
      call<'ExplainImage'>('GET', path('images', id) as '/berth/explain/images/{name}', { signal })
    }
  >
    {(value) => (
      <>
        <p>{visible(imageTitle(value))}</p>
        <Parts parts={imageParts(value)} />
      </>
    )}
  </Answer>
);

/** A network's way to the world, its members and its firewall rules. */
export const ExplainedNetwork = ({ value }: { value: Wired }) => (
  <>
    <p>{visible(networkTitle(value))}</p>
    <Ways ways={networkWay(value)} />
    <Parts parts={networkParts(value)} />
  </>
);
