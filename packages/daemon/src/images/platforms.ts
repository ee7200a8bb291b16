import { readFileSync } from 'node:fs';
import { arch, endianness } from 'node:os';
import { invalidParameter } from '../base/errors.ts';

/** The platform that an image runs on. */
export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
}

const ARCHITECTURES: Record<string, string> = {
  x64: 'amd64',
  arm64: 'arm64',
  arm: 'arm',
  ia32: '386',
  ppc64: endianness() === 'LE' ? 'ppc64le' : 'ppc64',
  s390x: 's390x',
  riscv64: 'riscv64',
  loong64: 'loong64',
};

/** The platform of this machine. */
export const hostPlatform: Platform = normalise({
  os: 'linux',
  architecture: ARCHITECTURES[arch()] ?? arch(),
});

/** The machine with its processor's level, as Docker names it: `linux/amd64/v3`. */
export function detectedPlatform(): string {
  const { os, architecture, variant = architecture === 'amd64' ? amd64Level() : '' } = hostPlatform;
  return [os, architecture, ...(variant ? [variant] : [])].join('/');
}

/** The platforms whose programs this processor runs without emulation, best last. */
export function runnablePlatforms(): Platform[] {
  const { os, architecture } = hostPlatform;
  if (architecture !== 'amd64') return [hostPlatform];
  const most = Number(amd64Level().slice(1) || 1);
  const levels = Array.from({ length: most - 1 }, (_, index) => ({
    os,
    architecture,
    variant: `v${index + 2}`,
  }));
  return [hostPlatform, ...levels, { os, architecture: '386' }];
}

let level: string | undefined;

/** The processor's level, found once: /proc/cpuinfo takes a millisecond to be written. */
const amd64Level = (): string => (level ??= readAmd64Level());

/** The x86-64 level (https://gitlab.com/x86-psABIs/x86-64-ABI) by one flag or two that each added; '' for the first. */
function readAmd64Level(): string {
  let flags: Set<string>;
  try {
    flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1]?.split(' '));
  } catch {
    return '';
  }
  const all = (names: string) => names.split(' ').every((name) => flags.has(name));
  if (!all('cx16 popcnt sse4_2 ssse3')) return '';
  if (!all('avx2 bmi1 bmi2 f16c fma movbe')) return 'v2';
  return all('avx512f avx512bw avx512cd avx512dq avx512vl') ? 'v4' : 'v3';
}

function normalise({ os, architecture, variant }: Platform): Platform {
  let name = architecture.toLowerCase();
  let revision = variant?.toLowerCase() ?? '';
  if (name === 'x86_64' || name === 'x86-64') name = 'amd64';
  if (name === 'amd64' && revision === 'v1') revision = '';
  if (name === 'aarch64') name = 'arm64';
  if (name === 'arm64' && (revision === '8' || revision === 'v8')) revision = '';
  if (name === 'i386' || name === 'i686') name = '386';
  if (name === 'armhf') [name, revision] = ['arm', 'v7'];
  if (name === 'armel') [name, revision] = ['arm', 'v6'];
  if (name === 'arm') {
    if (revision === '') revision = 'v7';
    if (/^[5-8]$/.test(revision)) revision = `v${revision}`;
  }
  const system = os.toLowerCase();
  return { os: system, architecture: name, ...(revision ? { variant: revision } : {}) };
}

const KNOWN_OS =
  'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos'.split(
    ' ',
  );
const KNOWN_ARCHITECTURES =
  '386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm'.split(
    ' ',
  );

/**
 * Reads `os[/arch[/variant]]`, also the short forms `linux` and `arm64`.
 * @throws invalid-parameter with containerd's texts.
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  if (parts.length > 3)
    throw invalidParameter(`${JSON.stringify(text)}: cannot parse platform specifier: invalid argument`);
  for (const part of parts)
    if (!/^[A-Za-z0-9_-]+$/.test(part))
      throw invalidParameter(
        `${JSON.stringify(part)} is an invalid component of ${JSON.stringify(text)}: platform specifier component must match "^[A-Za-z0-9_-]+$": invalid argument`,
      );
  const [first = '', second, variant] = parts;
  if (second !== undefined) return normalise({ os: first, architecture: second, variant });
  const system = first.toLowerCase() === 'macos' ? 'darwin' : first.toLowerCase();
  if (KNOWN_OS.includes(system)) return { ...hostPlatform, os: system };
  const alone = normalise({ os: 'linux', architecture: first });
  if (KNOWN_ARCHITECTURES.includes(alone.architecture)) return alone;
  throw invalidParameter(
    `${JSON.stringify(text)}: unknown operating system or architecture: invalid argument`,
  );
}

/** `OS/ARCHITECTURE` or `OS/ARCHITECTURE/VARIANT`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant ? [variant] : [])].join('/');
}

/** Whether something made for `offered` is what was asked for. */
export function matchesPlatform(wanted: Platform, offered: Platform): boolean {
  const [left, right] = [normalise(wanted), normalise(offered)];
  return (
    left.os === right.os &&
    left.architecture === right.architecture &&
    (left.variant ?? '') === (right.variant ?? '')
  );
}

/** How well an offer serves a wish: 0 not at all; older variants of ARM run on newer ones. */
export function platformScore(wanted: Platform, offered: Platform): number {
  const [left, right] = [normalise(wanted), normalise(offered)];
  if (left.os !== right.os || left.architecture !== right.architecture) return 0;
  if ((left.variant ?? '') === (right.variant ?? '')) return 100;
  const number = (variant: string | undefined) => Number(/^v(\d+)$/.exec(variant ?? '')?.[1] ?? Number.NaN);
  if (left.architecture === 'arm' || left.architecture === 'arm64' || left.architecture === 'amd64') {
    const base = left.architecture === 'arm64' ? 8 : 1;
    const have = Number.isNaN(number(left.variant)) ? base : number(left.variant);
    const need = Number.isNaN(number(right.variant)) ? base : number(right.variant);
    return need <= have ? 50 + need : 0;
  }
  return 0;
}
