import { invalidParameter } from '../../base/errors.ts';
import { parsePlatform } from '../../images/index.ts';
import { BuildContext } from './build-context.ts';
import { DockerfileFrontend } from './frontend.ts';
import { platformText, prefixed } from './instructions.ts';
import type { FrontendOptions } from './options.ts';
import { withSource } from './progress/source.ts';
import type { UsedBase } from './references.ts';
import type { Answer } from './requests/answer.ts';
import { type Asked, answerRequest, checkBuild } from './requests/index.ts';
import type { StageResult } from './steps/step.ts';

/** The result of a build for one platform. */
export interface PlatformResult {
  /** `linux/arm64` */
  platform: string;
  result: StageResult;
  /** The images that it was made from, by full name. */
  bases: UsedBase[];
}

/** The result of a build. */
export interface BuildResult {
  /** In the order asked for, at least one. */
  images: PlatformResult[];
  /** Several platforms were asked for: the image is an index, even of one. */
  several: boolean;
  /** The Dockerfile. */
  source: { filename: string; text: string };
}

/** The platforms of a build; undefined for the usual one. @throws invalid-parameter for what is none. */
function platformsOf(attributes: Record<string, string>): string[] | undefined {
  const listed = (attributes['platform'] ?? '').split(',').filter(Boolean);
  for (const text of listed) {
    try {
      parsePlatform(text);
    } catch (error) {
      throw invalidParameter(`failed to parse target platform ${text}: ${(error as Error).message}`, error);
    }
  }
  return listed.length > 0 ? [...new Set(listed)] : undefined;
}

/** Builds a Dockerfile for every platform that is asked for, each step that they share once. */
export async function buildDockerfile(options: FrontendOptions): Promise<BuildResult> {
  const { attributes } = options;
  const platforms = platformsOf(attributes);
  const several = (platforms?.length ?? 0) > 1 || attributes['multi-platform'] === 'true';
  const context = new BuildContext(options);
  const frontends = (platforms ?? ['']).map(
    (platform) =>
      new DockerfileFrontend(
        { ...options, attributes: platforms ? { ...attributes, platform } : attributes },
        context,
        several,
      ),
  );
  const [first] = frontends;
  try {
    // All stages are known before the context is asked for: it is fetched once for all of them.
    for (const frontend of frontends) await frontend.prepare();
    const failure = await checkBuild(askedOf(first!), first!.dockerfile);
    if (failure !== undefined) throw invalidParameter(failure);
    const settled = await Promise.allSettled(frontends.map((frontend) => frontend.build()));
    const failed = settled.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
    return {
      several,
      source: { filename: first!.filename, text: first!.text },
      images: settled.map((one, index) => {
        const result = (one as PromiseFulfilledResult<StageResult>).value;
        return {
          platform: platformText(result.platform),
          result,
          bases: frontends[index]!.references.used(),
        };
      }),
    };
  } catch (error) {
    throw withSource(error, first!.filename, first!.text);
  } finally {
    await context.close();
  }
}

/** Answers a request beside a build (`requestid`). */
export async function answerDockerfile(options: FrontendOptions, request: string): Promise<Answer> {
  const [platform] = platformsOf(options.attributes) ?? [];
  const one =
    platform === undefined ? options : { ...options, attributes: { ...options.attributes, platform } };
  const context = new BuildContext(one);
  const frontend = new DockerfileFrontend(one, context);
  try {
    if (request !== 'frontend.subrequests.describe') await frontend.read();
    return await answerRequest(request, askedOf(frontend));
  } catch (error) {
    throw withSource(error, frontend.filename, frontend.text);
  } finally {
    await context.close();
  }
}

/** The Dockerfile of a front end as requests beside a build look at it. */
function askedOf(frontend: DockerfileFrontend): Asked {
  const { options, text, filename, context } = frontend;
  const { attributes, solver, session, progress, signal } = options;
  const target = solver.platform(attributes['platform']);
  return {
    text,
    filename,
    target: attributes['target'] ?? '',
    given: prefixed(attributes, 'build-arg:'),
    predefined: frontend.platformArguments,
    targetPlatform: platformText(target),
    parent: (stage, stages) => {
      const at = stages.indexOf(stage);
      return stages.slice(0, at).findLast(({ name }) => name !== '' && name === stage.base.toLowerCase());
    },
    base: async (stage) => {
      const named = attributes[`context:${stage.base}`] ?? attributes[`context:${stage.base}:latest`];
      if (stage.base === 'scratch' || (named !== undefined && !named.startsWith('docker-image://')))
        return undefined;
      const { config, os, architecture } = await solver.configOf({
        reference: named?.slice('docker-image://'.length) ?? stage.base,
        platform: stage.platform || platformText(target),
        resolveMode: '',
        label: '[internal]',
        session,
        progress,
        signal,
      });
      return { env: config?.Env ?? [], platform: `${os}/${architecture}` };
    },
    ignoreText: () => context.ignoreText(),
  };
}
