import { describe, expect, it } from "vitest";
import { buildBasemap } from "../basemap.ts";

const basemap = buildBasemap();

describe("base map", () => {
  it("has every country of Natural Earth, each with one label inside the world", () => {
    expect(basemap.land.features.length).toBeGreaterThan(230);
    expect(basemap.labels.features.length).toBeGreaterThan(200);
    for (const label of basemap.labels.features) {
      expect(Math.abs(label.geometry.coordinates[1] ?? 99)).toBeLessThanOrEqual(90);
    }
  });

  it("draws no line along the cut at the antimeridian and none across the whole map", () => {
    for (const line of basemap.lines.features) {
      const points = line.geometry.coordinates;
      for (let i = 1; i < points.length; i++) {
        const [x1 = 0] = points[i - 1] ?? [];
        const [x2 = 0] = points[i] ?? [];
        expect(Math.abs(x2 - x1)).toBeLessThan(180);
        expect(Math.abs(x1) > 179.99 && Math.abs(x2) > 179.99).toBe(false);
      }
    }
  });

  it("fills land across the antimeridian without a band around the world", () => {
    for (const country of basemap.land.features) {
      if (country.geometry.type !== "MultiPolygon") continue;
      for (const ring of country.geometry.coordinates.flat()) {
        for (let i = 1; i < ring.length; i++) {
          const jump = Math.abs((ring[i]?.[0] ?? 0) - (ring[i - 1]?.[0] ?? 0));
          // Antarctica goes around the pole; its jump lies at the foot of the map.
          expect(jump < 180 || (ring[i]?.[1] ?? 0) < -80).toBe(true);
        }
      }
    }
  });
});
