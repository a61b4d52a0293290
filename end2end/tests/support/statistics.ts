// Statistics of measurements, and the table rows that `make bench` prints.

export const median = (values: number[]) => quantile(values, 0.5);

export function quantile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? NaN;
}

/** Prints one Markdown row: name, median, minimum and maximum of the runs. */
export function printRow(what: string, values: number[], unit: string) {
  const show = (n: number) => `${Math.round(n * 10) / 10} ${unit}`.trim();
  console.log(`| ${what} | ${show(median(values))} | ${show(Math.min(...values))} to ${show(Math.max(...values))} |`);
}
