// Rows of the tables that `make bench` prints.

export const median = (values: number[]) => quantile(values, 0.5);

export function quantile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? NaN;
}

/** One row: what, the median of the runs, the lowest and the highest. */
export function row(what: string, values: number[], unit: string) {
  const show = (n: number) => `${Math.round(n * 10) / 10} ${unit}`.trim();
  console.log(`| ${what} | ${show(median(values))} | ${show(Math.min(...values))} to ${show(Math.max(...values))} |`);
}
