/** Scales and ticks of the sensor plot. Pure functions; values in, pixels out. */

export interface Scale {
  from: number;
  to: number;
  at(value: number): number;
}

export function scale(from: number, to: number, start: number, end: number): Scale {
  const span = to - from || 1;
  return { from, to, at: (value) => start + ((value - from) / span) * (end - start) };
}

/** Round values from `low` to `high`, about `wanted` of them. */
export function valueTicks(low: number, high: number, wanted: number): number[] {
  const span = high - low || 1;
  const rough = span / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step + 0); // + 0: no negative zero
  return ticks;
}

/** The range of values widened to something a line can lie in without touching the frame. */
export function padded(values: readonly number[]): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  const margin = Math.max((high - low) * 0.12, Math.abs(high) * 0.01, 0.5);
  return [low - margin, high + margin];
}

const MINUTE = 60_000;
const STEPS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7200, 14400, 43200].map(
  (minutes) => minutes * MINUTE,
);

/** Full minutes, hours or days (UTC) between two times, not more than `most` of them. */
export function timeTicks(fromMs: number, toMs: number, most: number): number[] {
  const step = STEPS_MS.find((one) => (toMs - fromMs) / one <= most) ?? (STEPS_MS.at(-1) as number);
  const ticks: number[] = [];
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs; at += step) ticks.push(at);
  return ticks;
}

export interface Timed {
  occurred_at_ms: number;
  value: number;
}

/** Runs of samples that follow each other; a long silence is a hole in the line, not a slope. */
export function runs<T extends Timed>(samples: readonly T[], gapMs: number): T[][] {
  const found: T[][] = [];
  let previous: T | null = null;
  for (const sample of samples) {
    if (previous === null || sample.occurred_at_ms - previous.occurred_at_ms > gapMs) found.push([]);
    found.at(-1)?.push(sample);
    previous = sample;
  }
  return found;
}

/** Sample nearest in time; samples are in order. */
export function nearest<T extends Timed>(samples: readonly T[], atMs: number): T | null {
  let low = 0;
  let high = samples.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((samples[middle] as T).occurred_at_ms < atMs) low = middle + 1;
    else high = middle;
  }
  const after = samples[low];
  const before = samples[low - 1];
  if (after === undefined) return before ?? null;
  if (before === undefined) return after;
  return atMs - before.occurred_at_ms <= after.occurred_at_ms - atMs ? before : after;
}
