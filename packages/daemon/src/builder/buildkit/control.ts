import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type Call, GrpcError, GrpcServer, type Message, type Sent } from '@berth/grpc';
import { runnablePlatforms } from '../../images/index.ts';
import type { Collection } from '../../store/api.ts';
import type { CacheRecord, PruneOptions } from '../api.ts';
import type { Tree } from '../tree/tree.ts';
import { accept } from './accept.ts';
import { attest, toldOf } from './attestations/index.ts';
import { exportCache } from './cache/exports.ts';
import { importsOf } from './cache/imports.ts';
import type { CacheImport } from './cache/types.ts';
import { answerDockerfile, type BuildResult, buildDockerfile } from './dockerfile-build.ts';
import { exportResult } from './exporters/index.ts';
import { answered, fromGateway, toGateway } from './gateway.ts';
import { hash } from './hash.ts';
import { History } from './history/history.ts';
import type { BuildRecord } from './history/records.ts';
import { platformText } from './instructions.ts';
import { Job } from './job.ts';
import { buildId, controlMethods, type Served } from './services.ts';
import type { Remembered } from './session/remembered.ts';
import type { Session } from './session/session.ts';
import { Sessions } from './session/sessions.ts';
import { Solver, type SolverParts } from './solver/solver.ts';

export interface ControlParts extends Omit<SolverParts, 'hostPlatform'> {
  /** The entitlements that may be asked for. */
  grantable: ReadonlySet<string>;
  root: string;
  version: string;
  /** The builds that ran, and the folder of their messages. */
  history: Collection<BuildRecord>;
  historyFolder: string;
  /** The digests of files that clients have sent. */
  remembered: Remembered;
  /** The steps that are remembered, those that filters name. */
  records: (filters: Record<string, string[]>) => CacheRecord[];
  /** Forgets steps; returns what went. */
  prune: (options: PruneOptions) => Promise<CacheRecord[]>;
  /** The address of the host as containers see it; '' without a bridge. */
  hostGateway: () => string;
}

/** BuildKit's Control and LLBBridge services, as `docker buildx` and compose use them through `/grpc` and `/session`. */
export class Control implements Served {
  readonly sessions = new Sessions();
  readonly history: History;
  readonly parts: ControlParts;
  private readonly hostPlatform = {
    os: 'linux',
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
  };
  readonly jobs = new Map<string, Job>();
  private readonly waiting = new Map<string, Array<() => void>>();
  private readonly server: GrpcServer;

  constructor(parts: ControlParts) {
    this.parts = parts;
    this.history = new History(parts.history, parts.historyFolder);
    void this.history.reconcile();
    this.server = new GrpcServer(controlMethods(this));
  }

  /** Serves one client's connection (POST /grpc). */
  serve(connection: Duplex): Promise<void> {
    return this.server.accept(connection);
  }

  version(): Sent<'BuildkitVersion'> {
    return { package: 'berth', version: `v${this.parts.version}`, revision: '' };
  }

  worker(): Sent<'WorkerRecord'> {
    return {
      ID: 'berth',
      Labels: {
        'org.mobyproject.buildkit.worker.moby.host-gateway-ip': this.parts.hostGateway(),
        // Clients take this label as the sign that images of several platforms, attestations and caches can be asked for.
        'org.mobyproject.buildkit.worker.snapshotter': 'overlayfs',
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
  async job(ref: string, signal: AbortSignal): Promise<Job> {
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

  /** Lets those know who asked about a job before it was there. */
  private announce(job: Job): void {
    this.jobs.set(job.ref, job);
    for (const wake of this.waiting.get(job.ref) ?? []) wake();
    this.waiting.delete(job.ref);
  }

  /** Drops a job that is over, with a pause: its status may still be asked for by a client that is slow. */
  private forget(job: Job): void {
    setTimeout(() => this.jobs.delete(job.ref), 10_000).unref();
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

  async solve(
    job: Job,
    request: Sent<'SolveRequest'>,
    signal: AbortSignal,
  ): Promise<{ ExporterResponse: Record<string, string> }> {
    let exporters: ReadonlyArray<Sent<'Exporter'>>;
    try {
      exporters = accept(job, request, this.parts.grantable);
    } catch (error) {
      // The client asks for its progress at the same time, and waits for that to end.
      job.refused = error as Error;
      job.progress.end();
      this.announce(job);
      this.forget(job);
      throw error;
    }
    const { attributes } = job;
    job.folder = await mkdtemp(join(this.parts.root, 'solve-'));
    job.solver = new Solver({ ...this.parts, hostPlatform: this.hostPlatform });
    job.session ??= this.sessions.get(request.Session ?? '');
    job.session.catch(() => undefined);
    signal.addEventListener('abort', () => job.abort.abort(), { once: true });
    this.announce(job);
    const record = newRecord(job, attributes, exporters);
    // A request beside builds (checks, a list of targets) is no build of the history.
    const isBuild = !attributes['requestid'];
    if (isBuild) this.history.begin(record);
    try {
      let built: BuildResult | undefined;
      if (request.Frontend) {
        checkFrontend(request.Frontend, attributes);
        const options = this.options(job, await job.session, attributes);
        const asked = attributes['requestid'];
        if (asked) return { ExporterResponse: await answerDockerfile(options, asked) };
        built = await buildDockerfile(options);
      } else built = fromGateway(job, await Promise.race([job.returned, aborted(job.abort.signal)]));
      // buildx opens a second build after the first, for its debugger, and takes nothing out of it.
      if (!built && exporters.length === 0) return { ExporterResponse: {} };
      if (!built) throw new GrpcError(3, 'the result names nothing that was built');
      record.response = await this.export(job, built, attributes, exporters);
      return { ExporterResponse: record.response };
    } catch (error) {
      const code = job.abort.signal.aborted ? 1 : error instanceof GrpcError ? error.code : 2;
      record.error = { code, message: error instanceof Error ? error.message : String(error) };
      throw error;
    } finally {
      job.progress.end();
      Object.assign(record, job.progress.counts(), { completed: Date.now() });
      if (isBuild) this.history.end(record, job.progress.all, job.told);
      await job.solver.release();
      await rm(job.folder, { recursive: true, force: true });
      this.forget(job);
    }
  }

  /** Gives a result to all who are to have it. Returns what they tell. */
  private async export(
    job: Job,
    built: BuildResult,
    attributes: Record<string, string>,
    exporters: ReadonlyArray<Sent<'Exporter'>>,
  ): Promise<Record<string, string>> {
    const { images } = this.parts;
    const response: Record<string, string> = {};
    const made = await attest(job, built, attributes, platformText(this.hostPlatform));
    job.told = toldOf(job, built, attributes, platformText(this.hostPlatform));
    for (const [index, exporter] of exporters.entries())
      Object.assign(response, await exportResult(images, job, made, exporter, index));
    for (const cache of job.exports.targets)
      Object.assign(response, await exportCache(images, job, built, cache));
    return response;
  }

  private options(
    job: Job,
    session: Session,
    attributes: Record<string, string>,
    imports: CacheImport[] = [],
  ) {
    return {
      attributes,
      session,
      remembered: this.parts.remembered,
      solver: job.solver!,
      progress: job.progress,
      folder: job.folder,
      signal: job.abort.signal,
      entitlements: job.entitlements,
      imports: [...job.imports, ...imports],
      ...(job.fill ? { fill: job.fill } : {}),
    };
  }

  async gatewaySolve(
    request: Message<'GatewaySolveRequest'>,
    call: Pick<Call, 'metadata' | 'signal'>,
  ): Promise<Sent<'GatewaySolveResponse'>> {
    const job = await this.job(buildId(call), call.signal);
    if (job.refused) throw job.refused;
    if (!request.Frontend) {
      if (request.Definition?.def?.length)
        throw new GrpcError(12, 'solving an LLB definition is not supported: give a Dockerfile');
      return { result: { ref: { id: '' } } };
    }
    const attributes = request.FrontendOpt;
    checkFrontend(request.Frontend, attributes);
    const own = new Set(job.imports.map((entry) => hash(entry)));
    const imports = importsOf(request.CacheImports, attributes).filter((x) => !own.has(hash(x)));
    const options = this.options(job, await job.session!, attributes, imports);
    const asked = attributes['requestid'];
    if (asked) return answered(await answerDockerfile(options, asked));
    return toGateway(job, await job.within(() => buildDockerfile(options)), request);
  }
}

const newRecord = (
  job: Job,
  attributes: Record<string, string>,
  exporters: ReadonlyArray<Sent<'Exporter'>>,
): BuildRecord => ({
  ref: job.ref,
  attributes,
  exporters: [...exporters],
  response: {},
  created: job.started.getTime(),
  completed: 0,
  error: undefined,
  pinned: false,
  cached: 0,
  total: 0,
  done: 0,
  warnings: 0,
  attestations: [],
  logs: 0,
});

/** @throws GrpcError for a front end that is not built in. */
function checkFrontend(name: string, attributes: Record<string, string>): void {
  if (
    name !== 'dockerfile.v0' &&
    !(name === 'gateway.v0' && /docker\/dockerfile/.test(attributes['source'] ?? ''))
  )
    throw new GrpcError(12, `frontend ${name} is not supported`);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(new GrpcError(1, 'context canceled')), { once: true }),
  );
}
