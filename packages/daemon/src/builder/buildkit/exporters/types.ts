import type { Images } from '../../../images/api.ts';
import type { Attested } from '../attestations/index.ts';
import type { Job } from '../job.ts';

/** One request to have a result somewhere, and the parts that exporters work with. */
export interface Export {
  images: Images;
  job: Job;
  result: Attested;
  attributes: Record<string, string>;
  /** The exporter's place in the request: the client's side knows it by that. */
  index: number;
}
