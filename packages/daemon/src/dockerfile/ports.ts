import { invalidParameter } from '../base/errors.ts';

/**
 * The keys of ExposedPorts for `8080`, `80/udp`, `8000-8002/tcp`; a host's port before a colon is not for an image.
 * @throws invalid-parameter with dockerd's text.
 */
export function exposedPorts(text: string): string[] {
  const [written = '', protocol = 'tcp', ...more] = text.toLowerCase().split('/');
  const range = written.split(':').at(-1)!;
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? first);
  if (!match || more.length > 0 || first > 65535 || last > 65535 || last < first)
    throw invalidParameter(`Invalid containerPort: ${range}`);
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw invalidParameter(`Invalid proto: ${protocol}`);
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}
