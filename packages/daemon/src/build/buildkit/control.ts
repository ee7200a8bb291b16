import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { BerthError, invalidParameter } from '../../errors.ts';
import { fullReference, runnablePlatforms } from '../../images/index.ts';
import type { CacheRecord, PruneOptions } from '../face.ts';
import { Tree } from '../tree.ts';
import { DockerfileFrontend } from './frontend.ts';
import { type Call, GrpcError, GrpcServer, type Method } from './grpc.ts';
import { type Message, timestamp } from './messages.ts';
import { Progress } from './progress.ts';
import { imageConfig, pruneFilters, usageRecord } from './records.ts';
import { type Session, Sessions } from './session.ts';
import { Solver, type SolverParts } from './solver.ts';
import { withSource } from './source.ts';
import type { StageResult } from './step.ts';

const frontendCaps = [
  'solve.base',
  'solve.inlinereturn',
  'resolveimage',
  'resolveimage.resolvemode',
  'readfile',
  'return',
  'returnmap',
  'readdir',
  'statfile',
  'importcaches',
  'proto.refarray',
  'reference.output',
  'frontend.inputs',
  'gateway.solve.metadata',
  'frontend.caps',
  'gateway.solve.evaluate',
  'gateway.warnings',
];
const llbCaps = [
  'source.image',
  'source.image.resolvemode',
  'source.local',
  'source.local.unique',
  'source.local.sessionid',
  'source.local.includepatterns',
  'source.local.followpaths',
  'source.local.excludepatterns',
  'source.local.sharedkeyhint',
  'source.git',
  'source.git.keepgitdir',
  'source.git.fullurl',
  'source.http',
  'source.http.checksum',
  'source.http.perm',
  'soruce.http.uidgid',
  'source.buildop.llbfilename',
  'exec.meta.base',
  'exec.meta.cgroup.parent',
  'exec.meta.network',
  'exec.meta.proxyenv',
  'exec.meta.setsdefaultpath',
  'exec.meta.ulimit',
  'exec.mount.bind',
  'exec.mount.cache',
  'exec.mount.cache.sharing',
  'exec.mount.selector',
  'exec.mount.tmpfs',
  'exec.mount.tmpfs.size',
  'exec.mount.secret',
  'exec.mount.secret.env',
  'exec.mount.ssh',
  'file.base',
  'constraints',
  'platform',
  'meta.ignorecache',
  'meta.description',
  'meta.exportcache',
];

/** A solve that a client asked for: what its parts share. */
class Job {
  readonly ref: string;
  readonly progress = new Progress();
  readonly results = new Map<string, StageResult>();
  /** What the client's own build function returned. */
  readonly returned: Promise<Message>;
  resolveReturned!: (result: Message) => void;
  rejectReturned!: (error: Error) => void;
  session: Promise<Session> | undefined;
  solver: Solver | undefined;
  /** Brings the context when it does not come through the session. */
  fill: ((tree: Tree) => Promise<void>) | undefined;
  folder = '';
  readonly abort = new AbortController();

  constructor(ref: string) {
    this.ref = ref;
    this.returned = new Promise((resolve, reject) => {
      this.resolveReturned = resolve;
      this.rejectReturned = reject;
    });
    this.returned.catch(() => undefined);
  }
}

export interface ControlParts extends Omit<SolverParts, 'hostPlatform'> {
  root: string;
  version: string;
  /** The steps that are remembered. */
  records: () => CacheRecord[];
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
    const unary = (
      request: string,
      response: string,
      handle: (message: Message, call: Call) => Promise<Message>,
    ): Method => ({
      request,
      response,
      handle: async (call) => {
        for await (const message of call.requests) return handle(message, call);
        throw new GrpcError(13, 'no request');
      },
    });
    const control = (name: string) => `/moby.buildkit.v1.Control/${name}`;
    const bridge = (name: string) => `/moby.buildkit.v1.frontend.LLBBridge/${name}`;
    return {
      [control('ListWorkers')]: unary('ListWorkersRequest', 'ListWorkersResponse', async () => ({
        record: [this.worker()],
      })),
      [control('Info')]: unary('Empty', 'InfoResponse', async () => ({ buildkitVersion: this.version() })),
      [control('DiskUsage')]: unary('DiskUsageRequest', 'DiskUsageResponse', async () => ({
        record: this.parts.records().map(usageRecord),
      })),
      [control('Prune')]: {
        request: 'PruneRequest',
        response: 'UsageRecord',
        handle: async (call) => {
          for await (const request of call.requests) {
            const gone = await this.parts.prune({
              filters: pruneFilters(request['filter']),
              all: request['all'],
              keepStorage: request['keepBytes'],
              keepDuration: request['keepDuration'] / 1e6,
            });
            for (const record of gone) await call.send(usageRecord(record));
            break;
          }
          return undefined;
        },
      },
      [control('Solve')]: unary('SolveRequest', 'SolveResponse', (message, call) =>
        this.solve(new Job(message['Ref']), message, call.signal),
      ),
      [control('Status')]: {
        request: 'StatusRequest',
        response: 'StatusResponse',
        handle: async (call) => {
          for await (const { Ref } of call.requests) {
            const job = await this.job(Ref, call.signal);
            for await (const message of job.progress.messages(call.signal)) await call.send(message);
            break;
          }
          return undefined;
        },
      },
      [control('ListenBuildHistory')]: {
        request: 'BuildHistoryRequest',
        response: 'BuildHistoryEvent',
        handle: async (call) => {
          for await (const request of call.requests) {
            // No records are kept: a listener that wants only what is there gets the end at once.
            if (request['EarlyExit']) return undefined;
            if (request['Ref']) {
              await call.send({
                type: 1,
                record: {
                  Ref: request['Ref'],
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
        },
      },
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
        if (message['error']?.code)
          job.rejectReturned(
            new GrpcError(message['error'].code, message['error'].message, message['error'].details ?? []),
          );
        else job.resolveReturned(message['result'] ?? {});
        return {};
      }),
    };
  }

  private version(): Message {
    return { package: 'berth', version: `v${this.parts.version}`, revision: '' };
  }

  private worker(): Message {
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
    request: Message,
    given: { session: Session; fill?: (tree: Tree) => Promise<void> },
    signal: AbortSignal,
    onStatus: (status: Message) => void,
  ): Promise<Record<string, string>> {
    const job = new Job(request['Ref']);
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

  private async solve(job: Job, request: Message, signal: AbortSignal): Promise<Message> {
    if (request['Definition']?.def?.length > 0)
      throw new GrpcError(12, 'solving an LLB definition is not supported: give a Dockerfile');
    for (const entitlement of request['Entitlements'] ?? [])
      if (entitlement !== 'network.host')
        throw new GrpcError(
          2,
          `granting entitlement ${entitlement} is not allowed by build daemon configuration`,
        );
    job.folder = await mkdtemp(join(this.parts.root, 'solve-'));
    job.solver = new Solver({ ...this.parts, hostPlatform: this.hostPlatform });
    job.session ??= this.sessions.get(request['Session']);
    job.session.catch(() => undefined);
    signal.addEventListener('abort', () => job.abort.abort(), { once: true });
    this.jobs.set(job.ref, job);
    for (const wake of this.waiting.get(job.ref) ?? []) wake();
    this.waiting.delete(job.ref);
    try {
      const exporters: Message[] =
        request['Exporters']?.length > 0
          ? request['Exporters']
          : request['ExporterDeprecated']
            ? [{ Type: request['ExporterDeprecated'], Attrs: request['ExporterAttrsDeprecated'] }]
            : [];
      let result: StageResult;
      if (request['Frontend']) {
        result = await this.frontend(job, request['Frontend'], request['FrontendAttrs']);
      } else {
        const returned = await Promise.race([job.returned, aborted(job.abort.signal)]);
        const ref =
          returned['ref']?.id ||
          returned['refDeprecated'] ||
          Object.values((returned['refs']?.refs ?? {}) as Record<string, Message>)[0]?.['id'];
        const found = ref === undefined ? [...job.results.values()][0] : job.results.get(ref);
        // buildx opens a second build after the first, for its debugger, and takes nothing out of it.
        if (!found && exporters.length === 0) return { ExporterResponse: {} };
        if (!found) throw new GrpcError(3, 'the result names nothing that was built');
        result = found;
      }
      const response: Record<string, string> = {};
      for (const [index, exporter] of exporters.entries())
        Object.assign(response, await this.export(job, result, exporter, index));
      return { ExporterResponse: response };
    } finally {
      job.progress.end();
      await job.solver.release();
      await rm(job.folder, { recursive: true, force: true });
      // Status may still be asked for by a client that is slow.
      setTimeout(() => this.jobs.delete(job.ref), 10_000).unref();
    }
  }

  private async frontend(job: Job, name: string, attributes: Record<string, string>): Promise<StageResult> {
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

  private async gatewaySolve(request: Message, call: Call): Promise<Message> {
    const job = await this.job(buildId(call), call.signal);
    if (!request['Frontend']) {
      if (request['Definition']?.def?.length > 0)
        throw new GrpcError(12, 'solving an LLB definition is not supported: give a Dockerfile');
      return { result: { ref: { id: '' } } };
    }
    const result = await this.frontend(job, request['Frontend'], request['FrontendOpt'] ?? {});
    const id = `ref-${job.results.size}`;
    job.results.set(id, result);
    const metadata = { 'containerimage.config': Buffer.from(JSON.stringify(imageConfig(result))) };
    return request['allowResultArrayRef'] || request['allowResultReturn']
      ? { result: { ref: { id }, metadata } }
      : { ref: id };
  }

  private async export(
    job: Job,
    result: StageResult,
    exporter: Message,
    index: number,
  ): Promise<Record<string, string>> {
    const attributes: Record<string, string> = exporter['Attrs'] ?? {};
    switch (exporter['Type']) {
      case 'moby':
      case 'image':
        return this.exportImage(job, result, attributes);
      case 'tar':
        await job.progress.step('sending tarball', async () => {
          const session = await job.session!;
          await job.solver!.tar(result.snapshot, async (tar) =>
            session.sendFile(index, tar as AsyncIterable<Buffer>),
          );
        });
        return {};
      case 'local':
        await job.progress.step('exporting to client directory', async () => {
          const session = await job.session!;
          const tree = await Tree.create(join(job.folder, `export-${index}`));
          try {
            await job.solver!.tar(result.snapshot, (tar: Readable) => tree.addTar(tar));
            await session.sendTree(index, tree);
          } finally {
            await tree.close();
          }
        });
        return {};
      default:
        throw new BerthError(
          'unsupported',
          `exporter ${JSON.stringify(exporter['Type'])} could not be found`,
        );
    }
  }

  private exportImage(
    job: Job,
    result: StageResult,
    attributes: Record<string, string>,
  ): Promise<Record<string, string>> {
    const { images } = this.parts;
    return job.progress.step('exporting to image', async (vertex) => {
      vertex.status('exporting layers', 0, 0, true);
      const config = imageConfig(result);
      const id = await images.register(config);
      vertex.status(`writing image ${id}`, 0, 0, true);
      const names = (attributes['name'] ?? '').split(',').filter(Boolean).map(fullReference);
      for (const name of names) {
        await images.tag(id, name);
        vertex.status(`naming to ${name}`, 0, 0, true);
      }
      const response: Record<string, string> = {
        'containerimage.digest': id,
        'containerimage.config.digest': id,
      };
      if (names.length > 0) response['image.name'] = names.join(',');
      return response;
    });
  }
}

function buildId(call: Call): string {
  const id = call.metadata['buildkit-controlapi-buildid'];
  if (typeof id !== 'string') throw invalidParameter('no buildid in the call');
  return id;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(new GrpcError(1, 'context canceled')), { once: true }),
  );
}
