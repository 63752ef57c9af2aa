import { describe, expect, it } from "vitest";
import { nearest, padded, runs, scale, timeTicks, valueTicks } from "../src/ui/plot-scale";

const HOUR = 3_600_000;
const sample = (at: number) => ({ occurred_at_ms: at, value: at });

describe("the sensor plot", () => {
  it("puts values where they belong, also when all are the same", () => {
    expect(scale(0, 10, 100, 0).at(2.5)).toBe(75);
    expect(Number.isFinite(scale(5, 5, 0, 1).at(5))).toBe(true);
    const [low, high] = padded([-18, -18]);
    expect(low).toBeLessThan(-18);
    expect(high).toBeGreaterThan(-18);
    expect(padded([])).toEqual([0, 1]);
  });

  it("ticks at round values, below zero too", () => {
    expect(valueTicks(-21.3, -16.2, 4)).toEqual([-20, -18]);
    expect(valueTicks(0, 100, 4)).toEqual([0, 50, 100]);
    expect(valueTicks(3, 3, 4).length).toBeLessThan(8);
  });

  it("ticks at full UTC hours and days, never more than asked for", () => {
    const from = Date.UTC(2026, 10, 23, 1, 20);
    const ticks = timeTicks(from, from + 10 * HOUR, 5);
    expect(ticks.length).toBeLessThanOrEqual(6);
    for (const tick of ticks) expect(tick % HOUR).toBe(0);
    expect(timeTicks(0, 400 * 24 * HOUR, 5).length).toBeLessThan(20);
  });

  it("breaks the line at a silence instead of drawing a slope", () => {
    expect(runs([sample(0), sample(1), sample(9)], 5).map((run) => run.length)).toEqual([2, 1]);
    expect(runs([], 5)).toEqual([]);
  });

  it("finds the sample nearest to the pointer", () => {
    const samples = [0, 10, 20].map(sample);
    expect(nearest(samples, -5)?.value).toBe(0);
    expect(nearest(samples, 14)?.value).toBe(10);
    expect(nearest(samples, 16)?.value).toBe(20);
    expect(nearest(samples, 99)?.value).toBe(20);
    expect(nearest([], 1)).toBeNull();
  });
});
