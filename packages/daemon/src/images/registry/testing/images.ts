import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { nativeProgram } from '@berth/native';
import { configureLog } from '../../../base/log.ts';
import type { Settings } from '../../../config/settings.ts';
import { openEvents } from '../../../events/index.ts';
import { type Layers, openLayers } from '../../../layers/index.ts';
import { openStore, type Store } from '../../../store/index.ts';
import { type Images, openImages, type Progress } from '../../index.ts';
import type { RegistryOptions } from '../options.ts';
import { tarOf } from './documents.ts';

/** The part of a daemon that the tests of registries need, on folders of its own. */
export class TestImages {
  readonly folder = mkdtempSync(join(tmpdir(), 'berth-registry-'));
  images!: Images;
  layers!: Layers;
  lines: Progress[] = [];
  private store!: Store;
  private readonly settings: Partial<Settings>;
  private readonly registry: RegistryOptions;

  constructor(settings: Partial<Settings> = {}, registry: RegistryOptions = {}) {
    this.settings = settings;
    this.registry = registry;
  }

  async open(): Promise<this> {
    configureLog('fatal');
    mkdirSync(join(this.folder, 'images'), { recursive: true });
    this.store = openStore(join(this.folder, 'berth.db'));
    this.layers = await openLayers({
      root: join(this.folder, 'layers'),
      binary: nativeProgram,
      store: this.store,
    });
    const settings = {
      dataRoot: this.folder,
      insecureRegistries: [],
      registryMirrors: [],
      maxConcurrentDownloads: 3,
      maxConcurrentUploads: 5,
      maxDownloadAttempts: 2,
      httpProxy: '',
      httpsProxy: '',
      noProxy: '',
      ...this.settings,
    } as unknown as Settings;
    this.images = openImages({
      root: join(this.folder, 'images'),
      store: this.store,
      layers: this.layers,
      events: openEvents(),
      settings,
      registry: {
        certificateFolders: [join(this.folder, 'certs.d')],
        ...this.registry,
        limits: { backOff: 20, ...this.registry.limits },
      },
    });
    return this;
  }

  /** As a new daemon on the same folders. */
  async reopen(): Promise<void> {
    this.store.close();
    await this.open();
    await this.images.reconcile();
  }

  /** Makes an image of one file. */
  async make(name: string, content: string): Promise<string> {
    return this.images.import(Readable.from([await tarOf({ file: content })]), {
      reference: name,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
  }

  async pull(name: string, more: Partial<Parameters<Images['pull']>[0]> = {}): Promise<string[]> {
    return this.gather((common) => this.images.pull({ name, ...common, ...more }));
  }

  async push(name: string, more: Partial<Parameters<Images['push']>[0]> = {}): Promise<string[]> {
    return this.gather((common) => this.images.push({ name, ...common, ...more }));
  }

  /** Runs with what every transfer needs; returns the lines as a terminal shows them, bars left out. */
  private async gather(
    run: (common: { signal: AbortSignal; onProgress: (line: Progress) => void }) => Promise<void>,
  ): Promise<string[]> {
    this.lines = [];
    const onProgress = (line: Progress) => void this.lines.push(line);
    await run({ signal: AbortSignal.timeout(30_000), onProgress });
    return this.lines
      .filter(({ progress, status }) => progress === undefined && status !== undefined)
      .map(({ id, status }) => (id === undefined ? String(status) : `${id}: ${status}`));
  }

  /** The files of downloads and layers on disk. */
  left(): string[] {
    return [join(this.folder, 'images/partial'), join(this.folder, 'layers/layers')].flatMap((folder) =>
      readdirSync(folder),
    );
  }

  dispose(): void {
    this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
