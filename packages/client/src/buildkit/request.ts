import type { Sent } from '@berth/grpc';
import { CliError } from '../base/errors.ts';
import { cut } from '../parse/csv.ts';
import { toMap } from '../parse/environment.ts';
import type { BuildKitFlags } from './flags.ts';
import { attributesOf, type BuildOutput, parseCache, parseOutput } from './outputs.ts';

/** The outputs that the options ask for; the daemon's own store without any. @throws CliError where they contradict. */
export function outputsOf(flags: BuildKitFlags): BuildOutput[] {
  const outputs = flags.output.map(parseOutput);
  if (flags.load && !outputs.some(({ type, file }) => type === 'docker' && file === undefined))
    outputs.push({ type: 'docker', attributes: {}, push: false });
  if (flags.push) {
    const image = outputs.find(({ type }) => type === 'image' || type === 'docker');
    if (image && image.file === undefined) image.push = true;
    else outputs.push({ type: 'image', attributes: {}, push: true });
  }
  if (outputs.length === 0) outputs.push({ type: 'docker', attributes: {}, push: false });
  if (
    outputs.some(({ push }) => push) &&
    flags.tag.length === 0 &&
    !outputs.some(({ attributes }) => attributes['name'])
  )
    throw new CliError('tag is needed when pushing to registry: add -t NAME');
  if (flags.iidfile && outputs.some(({ type }) => type === 'local' || type === 'tar'))
    throw new CliError('local and tar exporters are incompatible with image ID file');
  if (outputs.filter(({ file }) => file === '-').length > 1)
    throw new CliError('only one output can go to standard output');
  return outputs;
}

/** The exporter of the engine's own store is called `moby` by daemons without containerd's. */
const inStore = ({ type, file, folder, layout }: BuildOutput): boolean =>
  (type === 'image' || type === 'docker') && !file && !folder && !layout;

/**
 * The Dockerfile front end's attributes, but for those of the context; they are the same in all requests of a build.
 */
export function attributesFor(flags: BuildKitFlags, proxies: Record<string, string>): Record<string, string> {
  const attributes: Record<string, string> = {};
  const set = (name: string, value: string | number | undefined): void => {
    if (value) attributes[name] = String(value);
  };
  set('target', flags.target);
  set('platform', flags.platform.join(',').toLowerCase());
  set('image-resolve-mode', flags.pull ? 'pull' : '');
  set('add-hosts', flags['add-host'].map((host) => host.replace(/[:=]/, '=')).join(','));
  set('cgroup-parent', flags['cgroup-parent']);
  set('shm-size', flags['shm-size']);
  set('ulimit', flags.ulimit.map(({ Name, Soft, Hard }) => `${Name}=${Soft}:${Hard}`).join(','));
  if (flags['no-cache']) attributes['no-cache'] = '';
  else set('no-cache', flags['no-cache-filter'].join(','));
  if (flags['no-cache'] && flags['no-cache-filter'].length > 0)
    throw new CliError('--no-cache and --no-cache-filter cannot currently be used together');
  networkMode(flags.network, set);
  for (const [name, value] of Object.entries(proxies)) attributes[`build-arg:${name}`] = value;
  for (const pair of flags['build-arg']) {
    const [name, value] = cut(pair, '=');
    if (value !== undefined) attributes[`build-arg:${name}`] = value;
  }
  for (const [name, value] of Object.entries(toMap(flags.label))) attributes[`label:${name}`] = value;
  attestations(flags, attributes);
  return attributes;
}

function networkMode(mode: string, set: (name: string, value: string) => void): void {
  if (mode === '' || mode === 'default') return;
  if (mode !== 'host' && mode !== 'none')
    throw new CliError(
      `network mode ${JSON.stringify(mode)} not supported by buildkit: use default, host or none, or the classic builder (BERTH_BUILDKIT=0)`,
    );
  set('force-network-mode', mode);
}

/** `--provenance=mode=max` and kin are short for `--attest type=provenance,mode=max`; `false` switches one off. */
function attestations(flags: BuildKitFlags, attributes: Record<string, string>): void {
  const wanted = new Map<string, string>();
  for (const text of flags.attest) {
    const { type, ...rest } = attributesOf(text, 'attest');
    if (!type) throw new CliError(`attestation type not specified: ${JSON.stringify(text)}`);
    wanted.set(
      type,
      Object.entries(rest)
        .map(([name, value]) => `${name}=${value}`)
        .join(','),
    );
  }
  for (const type of ['provenance', 'sbom'] as const) {
    const text = flags[type];
    if (text === '') continue;
    if (/^(true|1)$/i.test(text)) wanted.set(type, '');
    else if (/^(false|0)$/i.test(text)) wanted.set(type, 'disabled=true');
    else wanted.set(type, text);
  }
  for (const [type, text] of wanted)
    if (!/(^|,)disabled=true(,|$)/.test(text)) attributes[`attest:${type}`] = text;
}

/** A request to solve: who exports what, and what is cached where. */
export function solveRequest(
  flags: BuildKitFlags,
  given: {
    ref: string;
    session: string;
    attributes: Record<string, string>;
    outputs: readonly BuildOutput[];
  },
): Sent<'SolveRequest'> {
  const annotations = Object.fromEntries(
    flags.annotation.map((pair) => {
      const [key, value] = cut(pair, '=');
      if (value === undefined)
        throw new CliError(`invalid annotation ${JSON.stringify(pair)}, expected key=value`);
      return [key.includes(':') ? `annotation-${key.replace(':', '.')}` : `annotation.${key}`, value];
    }),
  );
  // A result that is only to be cached goes nowhere.
  const kept = given.outputs.filter(({ type }) => type !== 'cacheonly');
  const exporters = kept.map((output) => ({
    Type: inStore(output) ? 'moby' : output.type,
    Attrs: {
      ...output.attributes,
      ...annotations,
      ...(output.type === 'local' || output.type === 'tar'
        ? {}
        : { name: output.attributes['name'] ?? flags.tag.join(',') }),
    },
  }));
  return {
    Ref: given.ref,
    Session: given.session,
    Frontend: 'dockerfile.v0',
    FrontendAttrs: given.attributes,
    Exporters: exporters,
    // Daemons before BuildKit 0.13 read the first one here.
    ExporterDeprecated: exporters[0]?.Type,
    ExporterAttrsDeprecated: exporters[0]?.Attrs,
    Cache: {
      Imports: flags['cache-from'].map((text) => parseCache(text, 'cache-from')),
      Exports: flags['cache-to'].map((text) => parseCache(text, 'cache-to')),
    },
    // The network of the whole build is asked for by that flag alone, as by buildx.
    Entitlements: [...new Set([...flags.allow, ...(flags.network === 'host' ? ['network.host'] : [])])],
  };
}
