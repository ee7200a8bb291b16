const binary: Record<string, number> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40, p: 2 ** 50 };

/** Bytes of a size such as `64m`, `1.5GiB` or `4096`. Throws with Docker's reason. */
export function parseBytes(text: string): number {
  const at = Math.max(...[...'0123456789. '].map((c) => text.lastIndexOf(c)));
  if (at < 0) throw new Error(`invalid size: '${text}'`);
  const number = text[at] === ' ' ? text.slice(0, at) : text.slice(0, at + 1);
  const suffix = text.slice(at + 1).toLowerCase();
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(number))
    throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(number)}: invalid syntax`);
  const value = Number(number);
  if (value < 0) throw new Error(`invalid size: '${text}'`);
  if (suffix === '' || suffix === 'b') return Math.trunc(value);
  const factor = binary[suffix[0]!];
  if (!factor || !/^.(i?b)?$/.test(suffix)) throw new Error(`invalid suffix: '${suffix}'`);
  return Math.trunc(value * factor);
}

/** Billionths of a CPU of a fraction such as `1.5` or `3/2`. Throws with Docker's reason. */
export function parseCpus(text: string): number {
  const bad = new Error(`failed to parse ${text} as a rational number`);
  const fraction = /^([+-]?)(\d+)\/(\d+)$/.exec(text);
  let top: bigint;
  let bottom = 1n;
  if (fraction) {
    top = BigInt(fraction[1] + fraction[2]!);
    bottom = BigInt(fraction[3]!);
    if (bottom === 0n) throw bad;
  } else {
    const decimal = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,4}))?$/.exec(text);
    if (!decimal || !(decimal[2] || decimal[3])) throw bad;
    top = BigInt(decimal[2]! + decimal[3]!) * (decimal[1] === '-' ? -1n : 1n);
    const exponent = Number(decimal[4] ?? 0) - decimal[3]!.length;
    if (exponent < 0) bottom = 10n ** BigInt(-exponent);
    else top *= 10n ** BigInt(exponent);
  }
  const nano = top * 1_000_000_000n;
  if (nano % bottom !== 0n) throw new Error('value is too precise');
  return Number(nano / bottom);
}

const nanoseconds: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};

/** Nanoseconds of a Go duration such as `1h30m` or `1.5s`. Throws with Go's reason. */
export function parseDuration(text: string): number {
  const sign = /^[+-]/.test(text) ? text[0] : '';
  const body = text.slice(sign!.length);
  if (body === '0') return 0;
  let total = 0;
  let rest = body;
  if (rest === '') throw new Error(`time: invalid duration ${JSON.stringify(text)}`);
  while (rest) {
    const number = /^(\d+\.?\d*|\.\d+)/.exec(rest);
    if (!number) throw new Error(`time: invalid duration ${JSON.stringify(text)}`);
    rest = rest.slice(number[0].length);
    const unit = /^[^\d.]+/.exec(rest)?.[0] ?? '';
    if (!unit) throw new Error(`time: missing unit in duration ${JSON.stringify(text)}`);
    const factor = nanoseconds[unit];
    if (!factor)
      throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`);
    total += Number(number[0]) * factor;
    rest = rest.slice(unit.length);
  }
  return Math.round(sign === '-' ? -total : total);
}
