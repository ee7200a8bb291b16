import { useState } from 'preact/hooks';
import { Ask } from '../widgets/ask.tsx';
import { Check } from '../widgets/check.tsx';

interface Props {
  /** The noun of the title, in the plural. */
  of: string;
  said: string;
  /** Removes what nothing uses; of what has a name only with `all`. */
  work: (all: boolean) => Promise<void>;
  onClose: () => void;
}

/** Asks before what nothing uses is removed. Each time it is asked anew whether what has a name goes, too. */
export function Prune({ of, said, work, onClose }: Props) {
  const [all, setAll] = useState(false);
  return (
    <Ask title={`Remove unused ${of}?`} verb="Prune" danger work={() => work(all)} onClose={onClose}>
      <p>{said}</p>
      <Check checked={all} onChecked={setAll}>
        Those with a name, too
      </Check>
    </Ask>
  );
}
