import type { GrpcError } from '@berth/grpc';
import { locate } from '../../../dockerfile/location.ts';
import { withSource } from './source.ts';

/** The text of the Dockerfile beside an error at those lines. */
function told(text: string, line: number, endLine: number): string {
  const error = withSource(locate(new Error('failed'), { line, endLine }), 'Dockerfile', text) as GrpcError;
  return Buffer.from(JSON.parse(error.details[0]!.value.toString()).info.data, 'base64').toString();
}

test('a small Dockerfile is told whole', () => {
  expect(told('FROM a\nRUN b\n', 2, 2)).toBe('FROM a\nRUN b\n');
});

test('of a large one the lines around the error are told, at their places', () => {
  const lines = Array.from({ length: 100_000 }, (_, index) => `# ${index + 1}`);
  const found = told(lines.join('\n'), 1000, 1001).split('\n');
  expect(found).toEqual([...Array(995).fill(''), ...lines.slice(995, 1005)]);
});

test('of an instruction that is as large as that its beginning is told', () => {
  const text = `FROM a\nRUN <<E\n${'echo\n'.repeat(400_000)}E\n`;
  const found = told(text, 2, 400_003);
  expect(text.startsWith(found)).toBe(true);
  expect(found.length).toBe(16 * 1024);
  expect(told(`FROM a\nRUN ${'b'.repeat(2 << 20)}`, 2, 2)).toMatch(/^FROM a\nRUN b{16000,16384}$/);
});
