import { describe, expect, it } from "vitest";
import {
  band,
  bearingDeg,
  bounds,
  centreLine,
  destination,
  disc,
  distanceM,
  leg,
  trackSegments,
  unwrapped,
  zoomFor,
} from "../src/map/geometry";
import type { TrackPoint } from "../src/types";

const at = (atMs: number, longitude: number, latitude: number, device = "d"): TrackPoint => ({
  device_id: device,
  occurred_at_ms: atMs,
  received_at_ms: atMs,
  longitude_deg: longitude,
  latitude_deg: latitude,
  fix_kind: 1,
  accuracy_m: null,
  speed_kmh: null,
  course_deg: null,
});

describe("geometry", () => {
  it("measures a quarter of the equator", () => {
    expect(distanceM([0, 0], [90, 0])).toBeCloseTo((Math.PI / 2) * 6_371_008.8, 0);
  });

  it("goes where it measures: destination, bearing and distance agree anywhere", () => {
    for (const from of [
      [0, 0],
      [179.9, 10],
      [-120, 70],
      [30, -55],
    ]) {
      for (const bearing of [-170, -90, 0, 35, 120]) {
        const to = destination(from, bearing, 30_000);
        expect(distanceM(from, to)).toBeCloseTo(30_000, 2);
        expect(bearingDeg(from, to)).toBeCloseTo(bearing, 6);
      }
    }
  });

  it("draws long legs out along the great circle in short steps", () => {
    const points = leg([-74, 40.7], [139.7, 35.7]);
    expect(points.length).toBeGreaterThan(200);
    for (let i = 1; i < points.length; i++) {
      expect(distanceM(points[i - 1] ?? [], points[i] ?? [])).toBeLessThan(50_001);
    }
    expect(Math.max(...points.map((point) => point[1] ?? 0))).toBeGreaterThan(65);
  });

  it("never jumps at the antimeridian", () => {
    expect(
      unwrapped([
        [179, 0],
        [-179, 0],
        [178, 0],
      ]),
    ).toEqual([
      [179, 0],
      [181, 0],
      [178, 0],
    ]);
    const line = centreLine([
      [170, 10],
      [-170, 20],
    ]);
    for (let i = 1; i < line.length; i++) {
      expect(Math.abs((line[i]?.[0] ?? 0) - (line[i - 1]?.[0] ?? 0))).toBeLessThan(10);
    }
  });

  it("makes a corridor band whose edge lies at the half width of each leg", () => {
    const line: [number, number][] = [
      [179.8, 50],
      [-179.9, 50.1],
      [-179.5, 50.1],
    ];
    const polygons = band(line, [5_000, 1_000]);
    const first = polygons[0]?.[0] ?? [];
    expect(distanceM(first[0] ?? [], line[0] ?? [])).toBeCloseTo(5_000, 1);
    const last = polygons.at(-1)?.[0] ?? [];
    expect(distanceM(last[0] ?? [], line[2] ?? [])).toBeCloseTo(1_000, 1);
    for (const [ring = []] of polygons) {
      expect(ring[0]).toEqual(ring.at(-1));
      const longitudes = ring.map((point) => point[0] ?? 0);
      expect(Math.max(...longitudes) - Math.min(...longitudes)).toBeLessThan(2);
    }
  });

  it("closes a disc on the ground at its radius", () => {
    const ring = disc([30, 60], 2_000);
    for (const point of ring) expect(distanceM([30, 60], point)).toBeCloseTo(2_000, 2);
  });

  it("splits a track by device, at silences and at jumps", () => {
    const MINUTE = 60_000;
    const segments = trackSegments([
      at(0, 4, 52),
      at(0, 4, 52, "other"),
      at(10 * MINUTE, 4.1, 52),
      at(20 * MINUTE, 14, 52), // 670 km in ten minutes
      at(30 * MINUTE, 4.2, 52),
      at(300 * MINUTE, 4.4, 52),
      at(5 * MINUTE, 4, 52.1, "other"),
    ]);
    expect(segments.map((segment) => segment.kind)).toEqual(["path", "jump", "gap", "path"]);
    expect(segments[1]?.points).toHaveLength(3);
  });

  it("has no bounds for nothing, and the smallest box for points in any order", () => {
    expect(bounds([])).toBeNull();
    expect(
      bounds([
        [1, 2],
        [-3, 5],
      ]),
    ).toEqual([-3, 2, 1, 5]);
    expect(
      bounds([
        [170, 0],
        [-170, 1],
        [175, 2],
      ]),
    ).toEqual([170, 0, 190, 2]);
    expect(bounds([[7, 50]])).toEqual([7, 50, 7, 50]);
  });

  it("knows the zoom at which a length fills so many pixels", () => {
    expect(zoomFor(78_271.5, 1, 0)).toBeCloseTo(0, 6);
    expect(zoomFor(1_000, 280, 60)).toBeCloseTo(Math.log2(78_271.5 * 0.5 * 0.28), 6);
  });
});
