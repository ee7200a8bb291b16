import type { Sent } from '@berth/grpc';
import { timestamp } from '@berth/grpc';
import { parseDuration } from '../../../base/durations.ts';
import { invalidParameter } from '../../../base/errors.ts';

/** A build that has ended, or runs; times in milliseconds since 1970. */
export interface BuildRecord {
  ref: string;
  attributes: Record<string, string>;
  exporters: Array<Sent<'Exporter'>>;
  response: Record<string, string>;
  created: number;
  /** 0 while it runs. */
  completed: number;
  error: { code: number; message: string } | undefined;
  pinned: boolean;
  cached: number;
  total: number;
  done: number;
  warnings: number;
  /** The statements of how it was made, by the digests of the blobs that are kept with it. */
  attestations: Array<{ digest: string; size: number; predicateType: string }>;
  /** Bytes of its messages, which are kept in a file. */
  logs: number;
}

const LOGS_TYPE = 'application/vnd.buildkit.status.v0';
const STATEMENT = 'application/vnd.in-toto+json';

/** A record as BuildKit's clients read it. */
export function recordMessage(record: BuildRecord, logsDigest?: string): Sent<'BuildHistoryRecord'> {
  const info = {
    Attestations: record.attestations.map(({ digest, size, predicateType }) => ({
      media_type: STATEMENT,
      digest,
      size,
      annotations: { 'in-toto.io/predicate-type': predicateType },
    })),
  };
  return {
    Ref: record.ref,
    Frontend: 'dockerfile.v0',
    FrontendAttrs: record.attributes,
    Exporters: record.exporters,
    ExporterResponse: record.response,
    CreatedAt: timestamp(record.created),
    ...(record.completed > 0 && { CompletedAt: timestamp(record.completed) }),
    ...(record.error && { error: { ...record.error, details: [] } }),
    ...(logsDigest && { logs: { media_type: LOGS_TYPE, digest: logsDigest, size: record.logs } }),
    ...(record.attestations.length > 0 && { Result: info }),
    pinned: record.pinned,
    numCachedSteps: record.cached,
    numTotalSteps: record.total,
    numCompletedSteps: record.done,
    numWarnings: record.warnings,
  };
}

const CANCELED = 1;

function statusOf({ completed, error }: BuildRecord): string {
  if (completed === 0) return 'running';
  if (!error) return 'completed';
  return error.code === CANCELED ? 'canceled' : 'error';
}

type Test = (record: BuildRecord) => boolean;

/** A time: RFC 3339, or a duration before now. @throws invalid-parameter */
function timeOf(text: string): number {
  const at = Date.parse(text);
  if (Number.isFinite(at)) return at;
  const before = parseDuration(text);
  if (before === undefined) throw invalidParameter(`invalid time ${JSON.stringify(text)} in a filter`);
  return Date.now() - Number(before) / 1e6;
}

const COMPARE: Record<string, (a: number, b: number) => boolean> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

/** One term of a filter: `status==error`, `ref~=ab`, `duration>1m`. @throws invalid-parameter */
function term(text: string): Test {
  const [, name = '', operator = '', value = ''] = /^(\w+)(==|!=|~=|<=|>=|<|>)(.*)$/.exec(text) ?? [];
  const compare = COMPARE[operator];
  if (name === 'ref' || name === 'repository' || name === 'status') {
    const read: Record<string, (record: BuildRecord) => string> = {
      ref: ({ ref }) => ref,
      repository: ({ attributes }) => attributes['vcs:source'] ?? '',
      status: statusOf,
    };
    if (operator === '~=') return (record) => read[name]!(record).includes(value);
    if (operator === '==') return (record) => read[name]!(record) === value;
    if (operator === '!=') return (record) => read[name]!(record) !== value;
  } else if (compare && (name === 'startedAt' || name === 'completedAt')) {
    const at = timeOf(value);
    return ({ created, completed }) => compare(name === 'startedAt' ? created : completed, at);
  } else if (compare && name === 'duration') {
    const length = parseDuration(value);
    if (length === undefined) throw invalidParameter(`invalid duration ${JSON.stringify(value)} in a filter`);
    return ({ created, completed }) => compare((completed || Date.now()) - created, Number(length) / 1e6);
  }
  throw invalidParameter(`invalid filter ${JSON.stringify(text)}`);
}

/** Whether a record is wanted: by any of the filters, of which all terms (parted by commas) must hold. */
export function recordFilter(filters: readonly string[]): Test {
  const tests = filters.map((filter) => filter.split(',').map(term));
  return (record) => tests.length === 0 || tests.some((terms) => terms.every((test) => test(record)));
}
