import type { Readable } from 'node:stream';
import { BerthError, invalidParameter } from '../../base/errors.ts';
import { shellOf } from '../../dockerfile/environment.ts';
import { heredocOpener, heredocText } from '../../dockerfile/heredocs.ts';
import { nameValues } from '../../dockerfile/metadata.ts';
import { exposedPorts } from '../../dockerfile/ports.ts';
import type { Instruction } from '../../dockerfile/types.ts';
import { expandWords, type Lookup } from '../../dockerfile/words.ts';
import type { ImageConfig, ImageRunConfig } from '../../images/api.ts';
import type { Snapshot } from './steps/snapshot.ts';

/* The front end's reading of single instructions and attributes. */

const comment = 'buildkit.dockerfile.v0';

/** BuildKit's error for a Dockerfile that its context lacks. */
export const noDockerfile = (name: string) =>
  new BerthError('not-found', `failed to read dockerfile: open ${name}: no such file or directory`);

/** All bytes of a stream, in memory. @throws errors of the stream */
export async function collect(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) parts.push(chunk);
  return Buffer.concat(parts);
}

/** Attributes of one prefix, the prefix taken off. */
export function prefixed(attributes: Record<string, string>, prefix: string): Record<string, string> {
  // Without a prototype: a build argument may have any name, `constructor` too.
  const found: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith(prefix)) found[name.slice(prefix.length)] = value;
  return found;
}

interface Platform {
  os: string;
  architecture: string;
  variant?: string;
}

/** `linux/arm64/v8` */
export const platformText = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, ...(variant ? [variant] : [])].join('/');

/** BUILDPLATFORM, TARGETARCH and so on (Dockerfile reference, "Automatic platform ARGs"). */
export function platformArguments(target: Platform, build: Platform): Record<string, string> {
  const of = (prefix: string, platform: Platform) => ({
    [`${prefix}PLATFORM`]: platformText(platform),
    [`${prefix}OS`]: platform.os,
    [`${prefix}ARCH`]: platform.architecture,
    [`${prefix}VARIANT`]: platform.variant ?? '',
  });
  return { ...of('BUILD', build), ...of('TARGET', target) };
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

/**
 * The text that the image's history has of an instruction which only changes the configuration: with values of variables for
 * ENV,
 * LABEL and EXPOSE, as BuildKit writes them, and `text` itself for the others.
 */
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

/** The command line of a RUN. A here-document with its own interpreter (`#!`) is a program that is put at `path`. */
export function runCommand(
  instruction: Instruction,
  config: ImageRunConfig,
): { command: string[]; program?: { path: string; text: string } } {
  if (instruction.json && instruction.heredocs.length === 0) return { command: instruction.json };
  const shell = shellOf(config);
  const [heredoc] = instruction.heredocs;
  if (!heredoc) return { command: [...shell, instruction.rest] };
  const lone = heredocOpener(instruction.rest) !== undefined;
  if (lone && heredoc.content.startsWith('#!')) {
    const path = `/dev/pipes/${heredoc.name}`;
    return { command: [...shell, path], program: { path, text: heredocText(heredoc) } };
  }
  if (lone) return { command: [...shell, heredocText(heredoc)] };
  // The shell reads the documents itself.
  const body = instruction.heredocs.map(({ name, content }) => `${content}${name}`).join('\n');
  return { command: [...shell, `${instruction.rest}\n${body}`] };
}

/** Reads `NAME=SOFT[:HARD]`, a part of the attribute `ulimit`, which clients check; HARD is SOFT when it is left out. */
export function parseUlimit(text: string): { Name: string; Soft: number; Hard: number } {
  const [name = '', limits = ''] = text.split('=');
  const [soft = '', hard = soft] = limits.split(':');
  return { Name: name, Soft: Number(soft), Hard: Number(hard) };
}
