import { type Call, GrpcError, type Message, type Method, method, type Sent, unary } from '@berth/grpc';
import { invalidParameter } from '../../base/errors.ts';
import { span } from '../../base/spans.ts';
import type { CacheRecord, PruneOptions } from '../api.ts';
import { frontendCaps, llbCaps } from './capabilities.ts';
import type { History } from './history/history.ts';
import { Job } from './job.ts';
import { pruneFilters, usageRecord } from './records.ts';

/** The engine behind BuildKit's services. */
export interface Served {
  readonly parts: {
    records: (filters: Record<string, string[]>) => CacheRecord[];
    prune: (options: PruneOptions) => Promise<CacheRecord[]>;
  };
  readonly history: History;
  /** The builds that run, and those that ended lately. */
  readonly jobs: ReadonlyMap<string, Job>;
  version(): Sent<'BuildkitVersion'>;
  worker(): Sent<'WorkerRecord'>;
  /** The job of that id, which the client may ask about before it exists. */
  job(ref: string, signal: AbortSignal): Promise<Job>;
  solve(
    job: Job,
    request: Sent<'SolveRequest'>,
    signal: AbortSignal,
  ): Promise<{ ExporterResponse: Record<string, string> }>;
  gatewaySolve(
    request: Message<'GatewaySolveRequest'>,
    call: Pick<Call, 'metadata' | 'signal'>,
  ): Promise<Sent<'GatewaySolveResponse'>>;
}

/** The methods of BuildKit's services, by their paths. */
export function controlMethods(served: Served): Record<string, Method> {
  const control = (name: string) => `/moby.buildkit.v1.Control/${name}`;
  const content = (name: string) => `/containerd.services.content.v1.Content/${name}`;
  const bridge = (name: string) => `/moby.buildkit.v1.frontend.LLBBridge/${name}`;
  return {
    [control('ListWorkers')]: unary('ListWorkersRequest', 'ListWorkersResponse', async () => ({
      record: [served.worker()],
    })),
    [control('Info')]: unary('Empty', 'InfoResponse', async () => ({ buildkitVersion: served.version() })),
    [control('DiskUsage')]: unary('DiskUsageRequest', 'DiskUsageResponse', async ({ filter }) => ({
      record: served.parts.records(pruneFilters(filter)).map(usageRecord),
    })),
    [control('Prune')]: method('PruneRequest', 'UsageRecord', async (call) => {
      for await (const request of call.requests) {
        const gone = await served.parts.prune({
          filters: pruneFilters(request.filter),
          all: request.all,
          keepStorage: request.keepBytes,
          maxUsed: request.maxUsedSpace,
          minFree: request.minFreeSpace,
          keepDuration: request.keepDuration / 1e6,
        });
        for (const record of gone) await call.send(usageRecord(record));
        break;
      }
      return undefined;
    }),
    [control('Solve')]: unary('SolveRequest', 'SolveResponse', (message, call) =>
      span('Solve', () => served.solve(new Job(message.Ref), message, call.signal), {
        traceparent: String(call.metadata['traceparent'] ?? ''),
      }),
    ),
    [control('Status')]: method('StatusRequest', 'StatusResponse', async (call) => {
      for await (const { Ref } of call.requests) {
        const ended = served.jobs.has(Ref) ? undefined : await served.history.messages(Ref);
        for (const message of ended ?? []) await call.send(message as Sent<'StatusResponse'>);
        if (ended) break;
        const job = await served.job(Ref, call.signal);
        for await (const message of job.progress.messages(call.signal)) await call.send(message);
        break;
      }
      return undefined;
    }),
    [control('ListenBuildHistory')]: method('BuildHistoryRequest', 'BuildHistoryEvent', async (call) => {
      // Clients reckon how long a build runs by the daemon's clock.
      call.header('buildkit-current-timestamp', new Date().toISOString());
      for await (const request of call.requests) {
        await served.history.listen(request, call);
        break;
      }
      return undefined;
    }),
    [control('UpdateBuildHistory')]: unary('UpdateBuildHistoryRequest', 'Empty', async (message) => {
      await served.history.update(message);
      return {};
    }),
    [content('Info')]: unary('ContentInfoRequest', 'ContentInfoResponse', ({ digest }) =>
      served.history.info(digest),
    ),
    [content('Read')]: method('ReadContentRequest', 'ReadContentResponse', async (call) => {
      for await (const request of call.requests) {
        for await (const part of served.history.read(request)) await call.send(part);
        break;
      }
      return undefined;
    }),
    [bridge('Ping')]: unary('Empty', 'PongResponse', async () => ({
      FrontendAPICaps: frontendCaps.map((ID) => ({ ID, Enabled: true })),
      LLBCaps: llbCaps.map((ID) => ({ ID, Enabled: true })),
      Workers: [served.worker()],
    })),
    [bridge('Inputs')]: unary('Empty', 'InputsResponse', async () => ({})),
    [bridge('Warn')]: unary('Empty', 'Empty', async () => ({})),
    [bridge('Evaluate')]: unary('Empty', 'Empty', async () => ({})),
    [bridge('Solve')]: unary('GatewaySolveRequest', 'GatewaySolveResponse', (message, call) =>
      served.gatewaySolve(message, call),
    ),
    [bridge('Return')]: unary('ReturnRequest', 'Empty', async (message, call) => {
      const job = await served.job(buildId(call), call.signal);
      if (message.error?.code)
        job.rejectReturned(new GrpcError(message.error.code, message.error.message, message.error.details));
      else job.resolveReturned(message.result ?? {});
      return {};
    }),
  };
}

/** The id of the build that a client's own build function calls for. @throws invalid-parameter */
export function buildId(call: Pick<Call, 'metadata'>): string {
  const id = call.metadata['buildkit-controlapi-buildid'];
  if (typeof id !== 'string') throw invalidParameter('no buildid in the call');
  return id;
}
