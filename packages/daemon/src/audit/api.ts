import type { ResponseOf } from '@berth/api-spec';

export type AuditReport = ResponseOf<'AuditHost'>;
export type AuditFinding = AuditReport['Findings'][number];
export type AuditRule = ResponseOf<'AuditRules'>[number];

/** Holds containers, images, networks and the host against rules. */
export interface Audit {
  /** @throws not-found */
  container(reference: string): Promise<AuditReport>;
  /** Reads all layers. @throws not-found */
  image(reference: string, options?: { signal?: AbortSignal }): Promise<AuditReport>;
  /** @throws not-found */
  network(reference: string): Promise<AuditReport>;
  host(): Promise<AuditReport>;
  /** All rules. */
  rules(): Promise<AuditRule[]>;
}
