import type { ResponseOf } from '@berth/api-spec';

/** The findings about one subject, as the API document describes them. */
export type AuditReport = ResponseOf<'AuditHost'>;
/** One rule that a subject breaks, with its evidence. */
export type AuditFinding = AuditReport['Findings'][number];
/** A rule as it is shown. */
export type AuditRule = ResponseOf<'AuditRules'>[number];

/** Holds containers, images, networks and the host against rules. */
export interface Audit {
  /** @throws not-found */
  container(reference: string): Promise<AuditReport>;
  /** Reads all layers. @throws not-found */
  image(reference: string, options?: { signal?: AbortSignal }): Promise<AuditReport>;
  /** @throws not-found */
  network(reference: string): Promise<AuditReport>;
  /** Holds the machine and the daemon's settings against the rules. */
  host(): Promise<AuditReport>;
  /** All rules. */
  rules(): Promise<AuditRule[]>;
}
