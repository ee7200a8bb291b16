import type { Readable } from 'node:stream';
import { BerthError, invalidParameter } from '../../base/errors.ts';
import { shellOf } from '../../dockerfile/environment.ts';
import { nameValues } from '../../dockerfile/metadata.ts';
import { heredocOpener, heredocText, type Instruction } from '../../dockerfile/parse.ts';
import { exposedPorts } from '../../dockerfile/ports.ts';
import { expandWords, type Lookup } from '../../dockerfile/words.ts';
import type { ImageConfig, ImageRunConfig } from '../../images/api.ts';
import { sha256 } from '../steps.ts';
import type { Snapshot } from './steps/snapshot.ts';

/* The front end's reading of single instructions and attributes. */

const comment = 'buildkit.dockerfile.v0';

export const noDockerfile = (name: string) =>
  new BerthError('not-found', `failed to read dockerfile: open ${name}: no such file or directory`);

export async function collect(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) parts.push(chunk);
  return Buffer.concat(parts);
}

/** Attributes of one prefix, the prefix taken off. */
export function prefixed(attributes: Record<string, string>, prefix: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}

/** BUILDPLATFORM, TARGETARCH and so on (Dockerfile reference, "Automatic platform ARGs"). */
export function platformArguments(platform: {
  os: string;
  architecture: string;
  variant?: string;
}): Record<string, string> {
  const text = [platform.os, platform.architecture, ...(platform.variant ? [platform.variant] : [])].join(
    '/',
  );
  const of = (prefix: string) => ({
    [`${prefix}PLATFORM`]: text,
    [`${prefix}OS`]: platform.os,
    [`${prefix}ARCH`]: platform.architecture,
    [`${prefix}VARIANT`]: platform.variant ?? '',
  });
  return { ...of('BUILD'), ...of('TARGET') };
}

/**
 * SOURCE_DATE_EPOCH of the build arguments: the time of what a build makes (reproducible-builds.org).
 * @throws invalid-parameter with BuildKit's text for what is no number of seconds.
 */
export function epochOf(attributes: Record<string, string>): Date | undefined {
  const text = attributes['build-arg:SOURCE_DATE_EPOCH'] ?? '';
  if (text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text))
    throw invalidParameter(
      `invalid SOURCE_DATE_EPOCH: ${text}: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  return new Date(Number(text) * 1000);
}

/** A step of the history; one that only changes the configuration gets its time when the image is written. */
export function historyEntry(
  createdBy: string,
  snapshot?: Snapshot,
): NonNullable<ImageConfig['history']>[number] {
  return {
    ...(snapshot ? { created: snapshot.created } : {}),
    created_by: createdBy,
    comment,
    ...(snapshot && !snapshot.lastEmpty ? {} : { empty_layer: true }),
  };
}

export function configHistory(
  instruction: Instruction,
  text: string,
  lookup: Lookup,
  escaper: string,
): string {
  if (instruction.name === 'EXPOSE') {
    const ports = instruction.args
      .flatMap((arg) => expandWords(arg, lookup, escaper))
      .flatMap(exposedPorts)
      .sort();
    return `EXPOSE map[${ports.map((port) => `${port}:{}`).join(' ')}]`;
  }
  if (instruction.name === 'ENV' || instruction.name === 'LABEL')
    return `${instruction.name} ${nameValues(instruction, lookup, escaper)
      .map(([name, value]) => `${name}=${value}`)
      .join(' ')}`;
  return text;
}

/** The command line that a RUN executes, and the text that shows it. */
export function runCommand(
  instruction: Instruction,
  config: ImageRunConfig,
): { command: string[]; shown: string[] } {
  if (instruction.json && instruction.heredocs.length === 0)
    return { command: instruction.json, shown: instruction.json };
  const shell = shellOf(config);
  const [heredoc] = instruction.heredocs;
  const lone = heredocOpener(instruction.rest) !== undefined;
  if (!heredoc) {
    const command = [...shell, instruction.rest];
    return { command, shown: command };
  }
  if (lone && heredoc.content.startsWith('#!')) {
    // A script with its own interpreter: the shell hands it over by a file.
    return {
      command: [...shell, scriptRunner(heredoc.content)],
      shown: [...shell, `<<${heredoc.name} (${heredoc.name})`],
    };
  }
  if (lone) return { command: [...shell, heredocText(heredoc)], shown: [...shell, heredocText(heredoc)] };
  // The shell reads the documents itself.
  const body = instruction.heredocs.map(({ name, content }) => `${content}${name}`).join('\n');
  const text = `${instruction.rest}\n${body}`;
  return { command: [...shell, text], shown: [...shell, text] };
}

/** A shell text that writes a script with its own `#!` line to a file outside the layer and runs it. */
export function scriptRunner(content: string): string {
  const end = `BERTH_${sha256(content).slice(0, 16)}`;
  return `f=/dev/shm/.run-${end}; cat > "$f" <<'${end}'\n${content}${end}\nchmod 700 "$f"; i=$(head -n 1 "$f" | sed 's/^#! *//'); $i "$f"; c=$?; rm -f "$f"; exit $c`;
}

export function parseUlimit(text: string): { Name: string; Soft: number; Hard: number } {
  const [name = '', limits = ''] = text.split('=');
  const [soft = '', hard = soft] = limits.split(':');
  return { Name: name, Soft: Number(soft), Hard: Number(hard) };
}
