import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { LogOptions } from '@berth/native';
import { invalidParameter } from '../base/errors.ts';
import { parseSize } from '../base/sizes.ts';
import type { Settings } from '../config/settings.ts';
import type { LogConfig, Logging, LogSubject } from './api.ts';
import { chosenAttributes, initFailed } from './attributes.ts';
import { checkLogConfig, isRemote, keepsCopy } from './check.ts';
import { type DeliveryRecord, LOG, POSITION, RECORD, REMOVED } from './deliver/record.ts';
import type { Deliverer } from './deliverer.ts';
import { fileOptions, lineAttributes } from './local.ts';
import { parseFluentd } from './options/fluentd.ts';
import { expandTag } from './tags.ts';

/** How much may wait for its delivery before a container with `mode=blocking` has to, in bytes: as in dockerd, little. */
const BLOCKING_LIMIT = 1024 * 1024;
/** The local copy of a log that `logs` may not read is only what waits for its delivery. */
const UNREAD = { 'cache-max-size': '10m', 'cache-max-file': '2', 'cache-compress': 'false' };

/**
 * Opens the room; logs that an earlier daemon has not sent are gone on with.
 * @throws invalid-parameter when the daemon's own log options are wrong
 */
export function openLogging(options: { root: string; settings: Settings }): Logging {
  const { logDriver, logOpts } = options.settings;
  try {
    checkLogConfig(logDriver, logOpts);
  } catch (error) {
    throw invalidParameter(`failed to set log opts: ${(error as Error).message}`, error);
  }
  return new LoggingRoom(options.root);
}

class LoggingRoom implements Logging {
  private readonly root: string;
  private deliverer: Promise<Deliverer> | undefined;

  constructor(root: string) {
    this.root = root;
  }

  reconcile(containers: ReadonlySet<string>): void {
    const waiting = existsSync(this.root) ? readdirSync(this.root) : [];
    for (const id of waiting) {
      void this.deliver().then((deliverer) => deliverer.open(this.folder(id), false));
      if (!containers.has(id)) this.removed(id);
    }
  }

  async begin(config: LogConfig, subject: LogSubject, folder: string): Promise<LogOptions> {
    const { Type: type, Config: options } = config;
    const path = this.path(config, subject.id, folder);
    if (type === 'none') return { driver: 'none', path, maxSize: 0, maxFile: 1, compress: false };
    if (isRemote(type)) return this.beginRemote(config, subject);
    if (type === 'local') return fileOptions('local', options, path);
    const attrs = await lineAttributes(options, subject);
    const file = fileOptions('json-file', options, path);
    return Object.keys(attrs).length > 0 ? { ...file, attrs } : file;
  }

  private async beginRemote(
    { Type: type, Config: options }: LogConfig,
    subject: LogSubject,
  ): Promise<LogOptions> {
    const folder = this.folder(subject.id);
    const copy = keepsCopy(options) ? options : { ...options, ...UNREAD };
    const file = fileOptions('local', copy, join(folder, LOG), 'cache-');
    const record = await deliveryRecord(type, options, subject);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, `.${RECORD}`), JSON.stringify(record), { mode: 0o600 });
    renameSync(join(folder, `.${RECORD}`), join(folder, RECORD));
    const refused = await (await this.deliver()).open(folder, !mayBeAbsent(type, options));
    if (refused !== undefined) throw initFailed(refused);
    return {
      ...file,
      // A line that comes while the other file is being delivered must not replace it.
      maxFile: Math.max(2, file.maxFile),
      position: join(folder, POSITION),
      limit: options['mode'] === 'blocking' ? BLOCKING_LIMIT : 0,
    };
  }

  path({ Type: type }: LogConfig, id: string, folder: string): string {
    if (isRemote(type)) return join(this.folder(id), LOG);
    return join(folder, type === 'local' ? 'container.log' : `${id}-json.log`);
  }

  readable({ Type: type, Config: options }: LogConfig): boolean {
    return type !== 'none' && (!isRemote(type) || keepsCopy(options));
  }

  ended(id: string): void {
    if (this.deliverer) void this.deliverer.then((deliverer) => deliverer.ended(this.folder(id)));
  }

  removed(id: string): void {
    const folder = this.folder(id);
    if (!existsSync(folder)) return;
    void this.markRemoved(folder);
  }

  private async markRemoved(folder: string): Promise<void> {
    if (!existsSync(join(folder, LOG))) return rm(folder, { recursive: true, force: true });
    await writeFile(join(folder, REMOVED), '').catch(() => undefined);
    (await this.deliver()).removed(folder);
  }

  close(): void {
    void this.deliverer?.then((deliverer) => deliverer.close());
  }

  private folder(id: string): string {
    return join(this.root, id);
  }

  private deliver(): Promise<Deliverer> {
    this.deliverer ??= import('./deliverer.ts').then(({ openDeliverer }) => openDeliverer());
    return this.deliverer;
  }
}

async function deliveryRecord(
  type: string,
  options: Record<string, string>,
  subject: LogSubject,
): Promise<DeliveryRecord> {
  // To syslog and awslogs they are of no use but in a tag.
  const needed = !['syslog', 'awslogs'].includes(type) || options['tag']?.includes('ExtraAttributes');
  const attributes = needed ? await chosenAttributes(options, subject) : {};
  const { id, name, imageId, imageName, created, path, args } = subject;
  const usual = type === 'awslogs' ? '{{.FullID}}' : '{{.ID}}';
  // To splunk an empty tag is none.
  const template = type === 'splunk' && options['tag'] === '' ? '' : options['tag'] || usual;
  return {
    driver: type,
    options,
    id,
    name,
    imageId,
    imageName,
    created,
    command: [path, ...args].join(' '),
    tag: await expandTag(template, subject, options, attributes),
    attributes,
    hostname: hostname(),
    limit: waitingLimit(type, options),
  };
}

function waitingLimit(type: string, options: Record<string, string>): number {
  const asked = options['mode'] === 'non-blocking' ? options['max-buffer-size'] : undefined;
  if (asked !== undefined) return parseSize(asked) ?? 0;
  return type === 'fluentd' ? (parseFluentd(options).limit ?? 0) : 0;
}

/** Whether a container starts though nobody is there to receive its log. */
function mayBeAbsent(type: string, options: Record<string, string>): boolean {
  if (type === 'fluentd') return parseFluentd(options).async;
  return type === 'awslogs' && options['mode'] === 'non-blocking';
}
