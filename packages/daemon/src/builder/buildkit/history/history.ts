import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Call, decode, encode, GrpcError, type Message, type Sent } from '@berth/grpc';
import { log } from '../../../base/log.ts';
import { Slices } from '../../../patterns/slices.ts';
import type { Collection } from '../../../store/api.ts';
import { type BuildRecord, recordFilter, recordMessage } from './records.ts';

/** Finished builds that are kept: as many, and as long (ms), as BuildKit keeps; pinned ones stay. */
const KEPT = 50;
const KEPT_FOR = 48 * 3600 * 1000;
const NOT_FOUND = 5;
/** Kinds of events, by number. */
const STARTED = 0;
const COMPLETE = 1;
const DELETED = 2;
const PART = 1 << 20;

type Listener = (type: number, record: BuildRecord) => void;

const digestOf = (body: Buffer) => `sha256:${createHash('sha256').update(body).digest('hex')}`;
const isRef = (ref: string) => /^[A-Za-z0-9_-]{1,128}$/.test(ref);

/** The builds that ran, with their messages and what is said of how they were made (`docker buildx history`). */
export class History {
  private readonly records: Collection<BuildRecord>;
  private readonly folder: string;
  private readonly running = new Map<string, BuildRecord>();
  private readonly listeners = new Set<Listener>();

  constructor(records: Collection<BuildRecord>, folder: string) {
    this.records = records;
    this.folder = folder;
  }

  /** A build has begun. */
  begin(record: BuildRecord): void {
    if (!isRef(record.ref)) return;
    this.running.set(record.ref, record);
    this.tell(STARTED, record);
  }

  /** A build has ended. Its messages and blobs are written behind the client's back: a failure is only logged. */
  end(
    record: BuildRecord,
    messages: ReadonlyArray<Sent<'StatusResponse'>>,
    attestations: ReadonlyArray<{ predicateType: string; body: Buffer }>,
  ): void {
    if (!isRef(record.ref)) return;
    this.write(record, messages, attestations)
      .catch((error) =>
        log.warn({ err: error, build: record.ref }, 'a build could not be put into the history'),
      )
      .finally(() => {
        this.running.delete(record.ref);
        this.tell(COMPLETE, record);
      });
  }

  private async write(
    record: BuildRecord,
    messages: ReadonlyArray<Sent<'StatusResponse'>>,
    attestations: ReadonlyArray<{ predicateType: string; body: Buffer }>,
  ): Promise<void> {
    const folder = join(this.folder, record.ref);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const slices = new Slices();
    const parts: Buffer[] = [];
    for (const message of messages) {
      const body = encode('StatusResponse', message);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(body.length);
      parts.push(length, body);
      if (slices.due()) await slices.next();
    }
    const logs = Buffer.concat(parts);
    await writeFile(join(folder, 'logs'), logs, { mode: 0o600 });
    record.logs = logs.length;
    for (const { predicateType, body } of attestations) {
      const digest = digestOf(body);
      await writeFile(join(folder, digest.slice('sha256:'.length)), body, { mode: 0o600 });
      record.attestations.push({ digest, size: body.length, predicateType });
    }
    this.records.put(record.ref, record);
    await this.trim();
  }

  private async trim(): Promise<void> {
    const old = [...this.records.values()]
      .filter(({ pinned }) => !pinned)
      .sort((a, b) => b.completed - a.completed)
      .filter(({ completed }, index) => index >= KEPT || completed < Date.now() - KEPT_FOR);
    for (const { ref } of old) await this.remove(ref);
  }

  /** Removes what records of an earlier daemon left, or files without a record. */
  async reconcile(): Promise<void> {
    for (const ref of await readdir(this.folder).catch(() => []))
      if (!this.records.has(ref)) await rm(join(this.folder, ref), { recursive: true, force: true });
  }

  private async remove(ref: string): Promise<void> {
    const record = this.records.get(ref);
    if (!record) return;
    this.records.delete(ref);
    await rm(join(this.folder, ref), { recursive: true, force: true });
    this.tell(DELETED, record);
  }

  private tell(type: number, record: BuildRecord): void {
    for (const listener of this.listeners) listener(type, record);
  }

  /** Serves a listener: the builds that are there, then (unless it wants no more) those to come. */
  async listen(
    request: Message<'BuildHistoryRequest'>,
    call: Call<'BuildHistoryRequest', 'BuildHistoryEvent'>,
  ): Promise<void> {
    const { ActiveOnly, Ref, EarlyExit, Filter, Limit } = request;
    const wanted = recordFilter(Filter);
    const isMine = (record: BuildRecord) => (Ref === '' || record.ref === Ref) && wanted(record);
    const queue: Array<[number, BuildRecord]> = [];
    let wake: () => void = () => undefined;
    const listener: Listener = (type, record) => {
      queue.push([type, record]);
      wake();
    };
    if (!EarlyExit) this.listeners.add(listener);
    call.signal.addEventListener('abort', () => wake(), { once: true });
    const send = ([type, record]: [number, BuildRecord]) =>
      call.send({ type, record: recordMessage(record) });
    try {
      const ended = ActiveOnly ? [] : [...this.records.values()];
      const known = [...ended, ...this.running.values()].filter(isMine).sort((a, b) => b.created - a.created);
      for (const record of Limit > 0 ? known.slice(0, Limit) : known)
        await send([record.completed > 0 ? COMPLETE : STARTED, record]);
      if (Ref !== '' && known.length === 0 && EarlyExit) return;
      // A client that asks for one build gets no more once that has ended.
      if (EarlyExit || (Ref !== '' && this.records.has(Ref))) return;
      while (!call.signal.aborted) {
        const next = queue.shift();
        if (!next) {
          await new Promise<void>((resolve) => {
            wake = () => resolve();
          });
          continue;
        }
        const [type, record] = next;
        if (!isMine(record) || (ActiveOnly && type === DELETED)) continue;
        await send(next);
        if (Ref !== '' && type !== STARTED) return;
      }
    } finally {
      this.listeners.delete(listener);
    }
  }

  /** Pins, unpins or removes a build. @throws GrpcError not-found */
  async update({ Ref, Pinned, Delete, Finalize }: Message<'UpdateBuildHistoryRequest'>): Promise<void> {
    const record = this.records.get(Ref);
    if (!record) {
      // All that there is of a running one is there: it has no trace that would be waited for.
      if (Finalize && this.running.has(Ref)) return;
      throw new GrpcError(NOT_FOUND, `build history ${Ref} not found`);
    }
    if (Delete) await this.remove(Ref);
    else if (!Finalize) this.records.put(Ref, { ...record, pinned: Pinned });
  }

  /** The messages of a build that has ended; undefined for one that is not known. */
  async messages(ref: string): Promise<Array<Message<'StatusResponse'>> | undefined> {
    if (!this.records.has(ref)) return undefined;
    const bytes = await readFile(join(this.folder, ref, 'logs'));
    const found: Array<Message<'StatusResponse'>> = [];
    const slices = new Slices();
    for (let at = 0; at + 4 <= bytes.length; ) {
      if (slices.due()) await slices.next();
      const length = bytes.readUInt32BE(at);
      found.push(decode('StatusResponse', bytes.subarray(at + 4, at + 4 + length), 'none'));
      at += 4 + length;
    }
    return found;
  }

  private path(digest: string): string | undefined {
    for (const { ref, attestations } of this.records.values())
      if (attestations.some((one) => one.digest === digest))
        return join(this.folder, ref, digest.slice('sha256:'.length));
    return undefined;
  }

  private found(digest: string): string {
    const path = this.path(digest);
    if (path === undefined) throw new GrpcError(NOT_FOUND, `content ${digest}: not found`);
    return path;
  }

  /** containerd's content service over the blobs of builds. @throws GrpcError not-found */
  async info(digest: string): Promise<Sent<'ContentInfoResponse'>> {
    const { size } = await stat(this.found(digest));
    return { info: { digest, size } };
  }

  /** @throws GrpcError not-found */
  async *read({
    digest,
    offset,
    size,
  }: Message<'ReadContentRequest'>): AsyncGenerator<Sent<'ReadContentResponse'>> {
    const path = this.found(digest);
    const range = { start: offset, ...(size > 0 && { end: offset + size - 1 }), highWaterMark: PART };
    let at = offset;
    for await (const data of createReadStream(path, range) as AsyncIterable<Buffer>) {
      yield { offset: at, data };
      at += data.length;
    }
  }
}
