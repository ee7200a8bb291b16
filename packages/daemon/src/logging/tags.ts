import type { GoObject } from '@berth/templates/value.ts';
import { initFailed, type LogSubject } from './attributes.ts';

/** A tag is a client's, and is made in the daemon's loop: so much is more than any tag needs. */
const LIMITS = { steps: 1000, size: 16 << 10 };

type Method = (...args: unknown[]) => unknown;

/**
 * The text of a tag: a template of Go's on the container (`{{.Name}}/{{.ID}}`, `{{(.ExtraAttributes nil).STAGE}}`).
 * @throws system with the text of Go's text/template
 */
export async function expandTag(
  template: string,
  subject: LogSubject,
  options: Record<string, string>,
  attributes: Record<string, string>,
): Promise<string> {
  if (!template.includes('{{')) return template;
  if (template.length > LIMITS.size)
    throw initFailed(`template: log-tag: more than ${LIMITS.size} characters`);
  const [{ GoTemplate }, { Typed }] = await Promise.all([
    import('@berth/templates/exec.ts'),
    import('@berth/templates/value.ts'),
  ]);
  const texts = (map: Record<string, string>) => new Typed({ kind: 'map', of: { kind: 'string' } }, map);
  const list = (items: readonly string[]) => new Typed({ kind: 'slice', of: { kind: 'string' } }, items);
  const { id, name, imageId, imageName, created, path, args, labels, env } = subject;
  const { hostname } = await import('node:os');
  const methods: Record<string, Method> = {
    ID: () => id.slice(0, 12),
    FullID: () => id,
    Name: () => name,
    ImageID: () => imageId.slice(0, 12),
    ImageFullID: () => imageId,
    ImageName: () => imageName,
    DaemonName: () => 'docker',
    Command: () => [path, ...args].join(' '),
    Hostname: () => hostname(),
    // The argument would change the names, which no template can say how.
    ExtraAttributes: (_change) => texts(attributes),
    Config: () => texts(options),
    ContainerID: () => id,
    ContainerName: () => `/${name}`,
    ContainerEntrypoint: () => path,
    ContainerArgs: () => list(args),
    ContainerImageID: () => imageId,
    ContainerImageName: () => imageName,
    ContainerCreated: () => created,
    ContainerEnv: () => list(env),
    ContainerLabels: () => texts(labels),
    LogPath: () => '',
  };
  const info: GoObject = {
    goType: '*logger.Info',
    method: (wanted) => (Object.hasOwn(methods, wanted) ? methods[wanted] : undefined),
    names: () => Object.keys(methods),
  };
  try {
    return new GoTemplate(template).execute(info, 'default', {}, LIMITS);
  } catch (error) {
    const why = (error as Error).message
      .replace(/^template: :/, 'template: log-tag:')
      .replace('executing ""', 'executing "log-tag"');
    throw initFailed(why, error);
  }
}
