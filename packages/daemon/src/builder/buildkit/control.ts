import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import {
  type Call,
  GrpcError,
  GrpcServer,
  type Message,
  type Method,
  method,
  type Sent,
  timestamp,
  unary,
} from '@berth/grpc';
import { invalidParameter } from '../../base/errors.ts';
import { runnablePlatforms } from '../../images/index.ts';
import type { CacheRecord, PruneOptions } from '../api.ts';
import type { Tree } from '../tree.ts';
import { exportCache, exportsOf } from './cache/exports.ts';
import { importsOf } from './cache/imports.ts';
import type { CacheImport } from './cache/types.ts';
import { frontendCaps, llbCaps } from './capabilities.ts';
import { checkExporters, exportResult } from './exporters.ts';
import { DockerfileFrontend } from './frontend.ts';
import { hash } from './hash.ts';
import { Job } from './job.ts';
import { withSource } from './progress/source.ts';
import { imageConfig, pruneFilters, usageRecord } from './records.ts';
import type { Session } from './session/session.ts';
import { Sessions } from './session/sessions.ts';
import { Solver, type SolverParts } from './solver.ts';
import type { StageResult } from './steps/step.ts';

export interface ControlParts extends Omit<SolverParts, 'hostPlatform'> {
  /** The entitlements that may be asked for. */
  grantable: ReadonlySet<string>;
  root: string;
  version: string;
  /** The steps that are remembered, those that filters name. */
  records: (filters: Record<string, string[]>) => CacheRecord[];
  /** Forgets steps; returns what went. */
  prune: (options: PruneOptions) => Promise<CacheRecord[]>;
  /** The address of the host as containers see it; '' without a bridge. */
  hostGateway: () => string;
}

/** BuildKit's Control and LLBBridge services, as `docker buildx` and compose use them through `/grpc` and `/session`. */
export class Control {
  readonly sessions = new Sessions();
  private readonly parts: ControlParts;
  private readonly hostPlatform = {
    os: 'linux',
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
  };
  private readonly jobs = new Map<string, Job>();
  private readonly waiting = new Map<string, Array<() => void>>();
  private readonly server: GrpcServer;

  constructor(parts: ControlParts) {
    this.parts = parts;
    this.server = new GrpcServer(this.methods());
  }

  /** Serves one client's connection (POST /grpc). */
  serve(connection: Duplex): Promise<void> {
    return this.server.accept(connection);
  }

  private methods(): Record<string, Method> {
    const control = (name: string) => `/moby.buildkit.v1.Control/${name}`;
    const bridge = (name: string) => `/moby.buildkit.v1.frontend.LLBBridge/${name}`;
    return {
      [control('ListWorkers')]: unary('ListWorkersRequest', 'ListWorkersResponse', async () => ({
        record: [this.worker()],
      })),
      [control('Info')]: unary('Empty', 'InfoResponse', async () => ({ buildkitVersion: this.version() })),
      [control('DiskUsage')]: unary('DiskUsageRequest', 'DiskUsageResponse', async ({ filter }) => ({
        record: this.parts.records(pruneFilters(filter)).map(usageRecord),
      })),
      [control('Prune')]: method('PruneRequest', 'UsageRecord', async (call) => {
        for await (const request of call.requests) {
          const gone = await this.parts.prune({
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
        this.solve(new Job(message.Ref), message, call.signal),
      ),
      [control('Status')]: method('StatusRequest', 'StatusResponse', async (call) => {
        for await (const { Ref } of call.requests) {
          const job = await this.job(Ref, call.signal);
          for await (const message of job.progress.messages(call.signal)) await call.send(message);
          break;
        }
        return undefined;
      }),
      [control('ListenBuildHistory')]: method('BuildHistoryRequest', 'BuildHistoryEvent', async (call) => {
        for await (const request of call.requests) {
          // No records are kept: a listener that wants only what is there gets the end at once.
          if (request.EarlyExit) return undefined;
          if (request.Ref) {
            await call.send({
              type: 1,
              record: {
                Ref: request.Ref,
                CreatedAt: timestamp(Date.now()),
                CompletedAt: timestamp(Date.now()),
              },
            });
            return undefined;
          }
          await new Promise<void>((resolve) =>
            call.signal.addEventListener('abort', () => resolve(), { once: true }),
          );
        }
        return undefined;
      }),
      [control('UpdateBuildHistory')]: unary('Empty', 'Empty', async () => ({})),
      [bridge('Ping')]: unary('Empty', 'PongResponse', async () => ({
        FrontendAPICaps: frontendCaps.map((ID) => ({ ID, Enabled: true })),
        LLBCaps: llbCaps.map((ID) => ({ ID, Enabled: true })),
        Workers: [this.worker()],
      })),
      [bridge('Inputs')]: unary('Empty', 'InputsResponse', async () => ({})),
      [bridge('Warn')]: unary('Empty', 'Empty', async () => ({})),
      [bridge('Evaluate')]: unary('Empty', 'Empty', async () => ({})),
      [bridge('Solve')]: unary('GatewaySolveRequest', 'GatewaySolveResponse', (message, call) =>
        this.gatewaySolve(message, call),
      ),
      [bridge('Return')]: unary('ReturnRequest', 'Empty', async (message, call) => {
        const job = await this.job(buildId(call), call.signal);
        if (message.error?.code)
          job.rejectReturned(new GrpcError(message.error.code, message.error.message, message.error.details));
        else job.resolveReturned(message.result ?? {});
        return {};
      }),
    };
  }

  private version(): Sent<'BuildkitVersion'> {
    return { package: 'berth', version: `v${this.parts.version}`, revision: '' };
  }

  private worker(): Sent<'WorkerRecord'> {
    return {
      ID: 'berth',
      Labels: {
        'org.mobyproject.buildkit.worker.moby.host-gateway-ip': this.parts.hostGateway(),
      },
      platforms: runnablePlatforms().map(({ os, architecture, variant }) => ({
        OS: os,
        Architecture: architecture,
        Variant: variant ?? '',
      })),
      BuildkitVersion: this.version(),
    };
  }

  /** The job of that id, which the client may ask about before it exists. */
  private async job(ref: string, signal: AbortSignal): Promise<Job> {
    const found = this.jobs.get(ref);
    if (found) return found;
    await new Promise<void>((resolve, reject) => {
      const list = this.waiting.get(ref) ?? [];
      const timer = setTimeout(() => reject(new GrpcError(5, `no such job ${ref}`)), 10_000);
      list.push(() => {
        clearTimeout(timer);
        resolve();
      });
      this.waiting.set(ref, list);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(new GrpcError(1, 'the client is gone'));
      });
    });
    return this.jobs.get(ref)!;
  }

  /** A build that is no gRPC call, its progress told as it goes. Returns what the exporter says. */
  async build(
    request: Sent<'SolveRequest'>,
    given: { session: Session; fill?: (tree: Tree) => Promise<void> },
    signal: AbortSignal,
    onStatus: (status: Sent<'StatusResponse'>) => void,
  ): Promise<Record<string, string>> {
    const job = new Job(request.Ref ?? '');
    job.session = Promise.resolve(given.session);
    job.fill = given.fill;
    const told = (async () => {
      for await (const status of job.progress.messages(signal)) onStatus(status);
    })();
    try {
      return (await this.solve(job, request, signal))['ExporterResponse'];
    } finally {
      await told;
    }
  }

  private async solve(
    job: Job,
    request: Sent<'SolveRequest'>,
    signal: AbortSignal,
  ): Promise<{ ExporterResponse: Record<string, string> }> {
    if (request.Definition?.def?.length)
      throw new GrpcError(12, 'solving an LLB definition is not supported: give a Dockerfile');
    const entitlements = new Set<string>(request.Entitlements ?? []);
    job.entitlements = entitlements;
    for (const entitlement of entitlements)
      if (!this.parts.grantable.has(entitlement))
        throw new GrpcError(
          2,
          `granting entitlement ${entitlement} is not allowed by build daemon configuration`,
        );
    const attributes = request.FrontendAttrs ?? {};
    job.imports = importsOf(request.Cache?.Imports ?? [], attributes);
    job.exports = exportsOf(request.Cache?.Exports ?? [], attributes);
    const exporters: ReadonlyArray<Sent<'Exporter'>> = request.Exporters?.length
      ? request.Exporters
      : request.ExporterDeprecated
        ? [{ Type: request.ExporterDeprecated, Attrs: request.ExporterAttrsDeprecated }]
        : [];
    checkExporters(exporters);
    job.folder = await mkdtemp(join(this.parts.root, 'solve-'));
    job.solver = new Solver({ ...this.parts, hostPlatform: this.hostPlatform });
    job.session ??= this.sessions.get(request.Session ?? '');
    job.session.catch(() => undefined);
    signal.addEventListener('abort', () => job.abort.abort(), { once: true });
    this.jobs.set(job.ref, job);
    for (const wake of this.waiting.get(job.ref) ?? []) wake();
    this.waiting.delete(job.ref);
    try {
      let result: StageResult;
      if (request.Frontend) {
        result = await this.frontend(job, request.Frontend, attributes);
      } else {
        const returned = await Promise.race([job.returned, aborted(job.abort.signal)]);
        const ref =
          returned.ref?.id || returned.refDeprecated || Object.values(returned.refs?.refs ?? {})[0]?.id;
        const found = ref === undefined ? [...job.results.values()][0] : job.results.get(ref);
        // buildx opens a second build after the first, for its debugger, and takes nothing out of it.
        if (!found && exporters.length === 0) return { ExporterResponse: {} };
        if (!found) throw new GrpcError(3, 'the result names nothing that was built');
        result = found;
      }
      const response: Record<string, string> = {};
      for (const [index, exporter] of exporters.entries())
        Object.assign(response, await exportResult(this.parts.images, job, result, exporter, index));
      for (const cache of job.exports.registry) await exportCache(this.parts.images, job, result, cache);
      return { ExporterResponse: response };
    } finally {
      job.progress.end();
      await job.solver.release();
      await rm(job.folder, { recursive: true, force: true });
      // Status may still be asked for by a client that is slow.
      setTimeout(() => this.jobs.delete(job.ref), 10_000).unref();
    }
  }

  private async frontend(
    job: Job,
    name: string,
    attributes: Record<string, string>,
    imports: CacheImport[] = [],
  ): Promise<StageResult> {
    if (
      name !== 'dockerfile.v0' &&
      !(name === 'gateway.v0' && /docker\/dockerfile/.test(attributes['source'] ?? ''))
    )
      throw new GrpcError(12, `frontend ${name} is not supported`);
    const frontend = new DockerfileFrontend({
      attributes,
      session: await job.session!,
      solver: job.solver!,
      progress: job.progress,
      folder: job.folder,
      signal: job.abort.signal,
      entitlements: job.entitlements,
      imports: [...job.imports, ...imports],
      ...(job.fill ? { fill: job.fill } : {}),
    });
    try {
      return await frontend.build();
    } catch (error) {
      throw withSource(error, frontend.filename, frontend.text);
    } finally {
      await frontend.close();
    }
  }

  private async gatewaySolve(
    request: Message<'GatewaySolveRequest'>,
    call: Pick<Call, 'metadata' | 'signal'>,
  ): Promise<Sent<'GatewaySolveResponse'>> {
    const job = await this.job(buildId(call), call.signal);
    if (!request.Frontend) {
      if (request.Definition?.def?.length)
        throw new GrpcError(12, 'solving an LLB definition is not supported: give a Dockerfile');
      return { result: { ref: { id: '' } } };
    }
    const attributes = request.FrontendOpt;
    const own = new Set(job.imports.map((entry) => hash(entry)));
    const imports = importsOf(request.CacheImports, attributes).filter((x) => !own.has(hash(x)));
    const result = await this.frontend(job, request.Frontend, attributes, imports);
    const id = `ref-${job.results.size}`;
    job.results.set(id, result);
    const metadata = { 'containerimage.config': Buffer.from(JSON.stringify(imageConfig(result))) };
    return request.allowResultArrayRef || request.allowResultReturn
      ? { result: { ref: { id }, metadata } }
      : { ref: id };
  }
}

function buildId(call: Pick<Call, 'metadata'>): string {
  const id = call.metadata['buildkit-controlapi-buildid'];
  if (typeof id !== 'string') throw invalidParameter('no buildid in the call');
  return id;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(new GrpcError(1, 'context canceled')), { once: true }),
  );
}
