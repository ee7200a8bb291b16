import { BerthError } from '../../base/errors.ts';
import { locate } from '../../dockerfile/location.ts';
import { suggestion } from '../../dockerfile/suggest.ts';
import { checkBaseName, type Stage } from '../stages.ts';
import { platformText } from './instructions.ts';
import type { FrontendOptions } from './options.ts';
import type { BaseImage } from './solver/base-images.ts';

/** An image that a build was made from. */
export interface UsedBase {
  /** Full, with its tag. */
  name: string;
  /** The digest that the name has at its registry; that of the image's own manifest for one that was made here. */
  digest: string;
  platform: string;
}

/** Images whose names are often misspelt, as BuildKit has them. */
const WELL_KNOWN = ['alpine', 'busybox', 'centos', 'debian', 'golang', 'ubuntu', 'fedora'].flatMap((name) => [
  name,
  `${name}:latest`,
]);

/** Resolves the names in FROM, `--from` and `from=`: stages, images and named contexts. */
export class References {
  private readonly options: FrontendOptions;
  private readonly stages: Stage[];
  private readonly bases = new Map<string, Promise<BaseImage>>();
  private readonly found: UsedBase[] = [];

  constructor(options: FrontendOptions, stages: Stage[]) {
    this.options = options;
    this.stages = stages;
  }

  /**
   * Asks for the images that the target stands on before anything else is done, as BuildKit does.
   * @returns the stages that the target needs.
   */
  async resolve(target: Stage): Promise<Set<Stage>> {
    const seen = new Set<Stage>();
    const wanted: Array<Promise<unknown>> = [];
    const visit = (stage: Stage) => {
      if (seen.has(stage)) return;
      seen.add(stage);
      const parent = this.findStage(stage.base, stage);
      const given = this.namedContext(stage.base);
      if (parent && given === undefined) visit(parent);
      else if (stage.base !== 'scratch' && given === undefined) wanted.push(this.base(stage));
      for (const instruction of stage.instructions)
        for (const flag of instruction.flags) {
          const from =
            flag.name === 'from'
              ? flag.value
              : flag.name === 'mount'
                ? /(?:^|,)from=([^,]+)/.exec(flag.value)?.[1]
                : undefined;
          const other = from === undefined ? undefined : this.findStage(from, stage);
          if (other) visit(other);
          else if (
            from !== undefined &&
            this.namedContext(from) === undefined &&
            !/^\d+$/.test(from) &&
            from !== 'scratch' &&
            flag.value !== ''
          )
            wanted.push(
              this.image(from, this.options.attributes['platform'] ?? '').catch((error: Error) =>
                Promise.reject(locate(error, flag.name === 'from' ? instruction : null)),
              ),
            );
        }
    };
    visit(target);
    await Promise.all(wanted);
    return seen;
  }

  /** The image of a FROM. */
  base(stage: Stage): Promise<BaseImage> {
    const given = this.namedContext(stage.base);
    const reference = given?.startsWith('docker-image://')
      ? given.slice('docker-image://'.length)
      : stage.base;
    const platform = stage.platform || this.options.attributes['platform'] || '';
    return this.image(
      reference,
      platform,
      given === undefined ? '[internal]' : `[context ${stage.base}]`,
    ).catch((error: Error) => Promise.reject(locate(error, stage.from)));
  }

  /** An image, asked for once per name and platform. */
  async image(reference: string, platform: string, label = '[internal]'): Promise<BaseImage> {
    checkBaseName(reference);
    const { solver, session, progress, signal } = this.options;
    const resolveMode = this.options.attributes['image-resolve-mode'] ?? '';
    const key = `${reference}\n${platform}`;
    let found = this.bases.get(key);
    if (!found) {
      found = solver
        .base({ reference, platform, resolveMode, label, session, progress, signal })
        .then((base) => {
          const { os, architecture, variant } = base.config;
          const shown = platformText({ os, architecture, ...(variant && { variant }) });
          this.found.push({ name: base.name, digest: base.digest, platform: shown });
          return base;
        })
        .catch((error: Error) =>
          Promise.reject(label === '[internal]' ? this.meant(error, reference) : error),
        );
      this.bases.set(key, found);
      found.catch(() => undefined);
    }
    return found;
  }

  /** An error about a name that nearly is a stage's or a well-known image's: it may have been meant. */
  private meant(error: Error, reference: string): Error {
    const stages = this.stages.map(({ name }) => name).filter((name) => name !== '');
    const hint = suggestion(reference, [...stages, ...WELL_KNOWN], true);
    if (hint === '' || !(error instanceof BerthError)) return error;
    return new BerthError(error.kind, `${error.message}${hint}`, { cause: error });
  }

  /** The images that were asked for and are there. */
  used(): UsedBase[] {
    return [...this.found].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /** The stage of that name or number, of those before one. */
  findStage(name: string, before: Stage): Stage | undefined {
    const limit = this.stages.indexOf(before);
    const named = this.stages.findIndex(
      (stage, index) => index < limit && stage.name !== '' && stage.name === name.toLowerCase(),
    );
    if (named >= 0) return this.stages[named];
    if (/^\d+$/.test(name) && Number(name) < limit) return this.stages[Number(name)];
    return undefined;
  }

  /** A named context (`--build-context name=...`) given by the client; undefined when there is none of that name. */
  namedContext(name: string): string | undefined {
    return this.options.attributes[`context:${name}`] ?? this.options.attributes[`context:${name}:latest`];
  }
}
