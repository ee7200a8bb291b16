import type { Answer, Lab } from '../lab/lab.ts';
import { flatten, normaliseText } from '../lab/normalise.ts';
import type { Scenario, Step } from './api/scenario.ts';

/** The outcome of one step, as lines that can be compared. */
export interface Observation {
  title: string;
  lines: string[];
}

/** Headers that say nothing about the engine's behaviour. */
const UNSEEN = new Set(['date', 'content-length', 'transfer-encoding', 'server', 'keep-alive']);

/** Runs a scenario's steps one after the other at a version of the API. */
export async function observe(lab: Lab, version: number, scenario: Scenario): Promise<Observation[]> {
  const saved: Record<string, string> = {};
  const seen: Observation[] = [];
  for (const step of scenario.steps) {
    if (version < (step.since ?? 0)) continue;
    const fill = (text: string) => text.replace(/\$\{(\w+)\}/g, (_, name: string) => saved[name] ?? '');
    const title = `${step.method} ${step.path}${step.note ? ` (${step.note})` : ''}`;
    const body =
      step.body === undefined || Buffer.isBuffer(step.body) ? step.body : fill(JSON.stringify(step.body));
    try {
      const answer = await lab.call({
        ...step,
        body: typeof step.body === 'string' ? step.body : body,
        path: `${step.plain ? '' : `/v1.${version}`}${fill(step.path)}`,
      });
      if (step.save) saved[step.save] = idOf(answer);
      seen.push({ title, lines: describe(step, answer) });
    } catch (error) {
      seen.push({ title, lines: [`no answer: ${(error as Error).message.replace(lab.name, 'ENGINE')}`] });
    }
    if (step.settle) await new Promise((resolve) => setTimeout(resolve, step.settle));
  }
  return seen;
}

function idOf({ body }: Answer): string {
  try {
    return JSON.parse(String(body)).Id ?? 'none';
  } catch {
    return 'none';
  }
}

function describe(step: Step, { status, headers, body }: Answer): string[] {
  const lines = [`status ${status}`];
  for (const [name, value] of Object.entries(headers).sort())
    if (!UNSEEN.has(name)) lines.push(`${name}: ${headerValue(name, value)}`);
  if (step.unread) return lines;
  const type = headers['content-type'] ?? '';
  if (type.includes('json')) {
    const values = jsonValues(String(body));
    if (values)
      return [
        ...lines,
        ...values.flatMap((value, index) =>
          flatten(step.pick?.(value) ?? value, values.length > 1 ? `#${index}` : ''),
        ),
      ];
  }
  // Frames of streams have bytes that are no text: they are shown as escapes.
  const text = normaliseText(body.toString('latin1'));
  return [...lines, ...text.split('\n').map((line) => JSON.stringify(line))];
}

function headerValue(name: string, value: string | string[]): string {
  if (name === 'api-version') return '<VERSION>';
  if (name !== 'x-docker-container-path-stat') return normaliseText(String(value));
  const stat = JSON.parse(Buffer.from(String(value), 'base64').toString());
  return JSON.stringify({ ...stat, mtime: '<TIME>', ...(stat.mode & 0x80000000 ? { size: 0 } : {}) });
}

/** The JSON values of a body, one after the other; undefined if it has something else. */
function jsonValues(text: string): unknown[] | undefined {
  try {
    return [JSON.parse(text)];
  } catch {
    try {
      return text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => JSON.parse(line));
    } catch {
      return undefined;
    }
  }
}
