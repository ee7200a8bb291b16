/** A small picture of a number's last values, 0 to `top`; the number itself stands beside it. */
export function Sparkline({ values, top }: { values: readonly number[]; top: number }) {
  const highest = Math.max(top, ...values);
  const points = values
    .map((value, index) => `${60 - (values.length - 1 - index) * 2},${16 - (value / highest) * 15}`)
    .join(' ');
  return (
    <svg class="sparkline" viewBox="0 0 60 16" width="60" height="16" aria-hidden="true">
      <polyline points={points} />
    </svg>
  );
}
