import { goExponential, goFixed } from '@berth/templates/rounding.ts';

const decimal = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];
const binary = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'];

/** A number as Go's `%.*g` prints it. */
function goGeneral(value: number, precision: number): string {
  if (value === 0) return '0';
  const [mantissa, exponentText] = goExponential(value, precision - 1).split('e') as [string, string];
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= precision) {
    const trimmed = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
    const digits = String(Math.abs(exponent)).padStart(2, '0');
    return `${trimmed}e${exponent < 0 ? '-' : '+'}${digits}`;
  }
  const fixed = goFixed(value, Math.max(0, precision - 1 - exponent));
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
}

function scaled(size: number, base: number, units: readonly string[], precision: number): string {
  let value = size;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  return goGeneral(value, precision) + units[unit];
}

/** A size in powers of 1000 with so many digits: `4.27MB`. */
export const humanSize = (bytes: number, precision = 4): string => scaled(bytes, 1000, decimal, precision);

/** A size in powers of 1024: `15.53GiB`. */
export const binarySize = (bytes: number): string => scaled(bytes, 1024, binary, 4);
