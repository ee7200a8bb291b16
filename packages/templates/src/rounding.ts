/**
 * Go rounds a number that lies exactly between two decimals to the even one, JavaScript away from zero; `humanSize`
 * and `printf` show the difference. A number of 53 bits that is a tie shows it within so many digits.
 */
const enough = 60;

/** `toFixed` as Go rounds. */
export function goFixed(value: number, digits: number): string {
  const rounded = value.toFixed(digits);
  if (Math.abs(value) >= 1e21 || digits + enough > 100) return rounded;
  const exact = value.toFixed(digits + enough);
  return settle(rounded, exact.slice(0, -enough).replace(/\.$/, ''), exact.slice(-enough));
}

/** `toExponential` as Go rounds; the exponent as JavaScript writes it. */
export function goExponential(value: number, digits: number): string {
  const rounded = value.toExponential(digits);
  if (digits + enough > 100) return rounded;
  const [mantissa, exponent] = value.toExponential(digits + enough).split('e') as [string, string];
  const cut = `${mantissa.slice(0, -enough).replace(/\.$/, '')}e${exponent}`;
  return settle(rounded, cut, mantissa.slice(-enough));
}

/** The cut-off number when what was cut off is exactly a half and the last digit kept is even. */
function settle(rounded: string, cut: string, tail: string): string {
  const last = /(\d)(?:e|$)/.exec(cut)?.[1];
  return /^50*$/.test(tail) && Number(last) % 2 === 0 ? cut : rounded;
}
