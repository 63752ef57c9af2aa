/** Geometry on the sphere for what a trip draws: corridor bands, tracks. Angles in degrees, lengths in metres. */
import type { Position } from "geojson";
import type { TrackPoint } from "../types";

const EARTH_RADIUS_M = 6_371_008.8;
const RAD = Math.PI / 180;
const LONGEST_STEP_M = 50_000;
const CAP_SIDES = 24;

type Vector = readonly [number, number, number];

function vector([longitude = 0, latitude = 0]: Position): Vector {
  const flat = Math.cos(latitude * RAD);
  return [flat * Math.cos(longitude * RAD), flat * Math.sin(longitude * RAD), Math.sin(latitude * RAD)];
}

function position([x, y, z]: Vector): Position {
  return [Math.atan2(y, x) / RAD, Math.atan2(z, Math.hypot(x, y)) / RAD];
}

/** Great-circle distance. */
export function distanceM(a: Position, b: Position): number {
  const [ax, ay, az] = vector(a);
  const [bx, by, bz] = vector(b);
  const cross = Math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx);
  return Math.atan2(cross, ax * bx + ay * by + az * bz) * EARTH_RADIUS_M;
}

/** Initial great-circle bearing from `a` to `b`. */
export function bearingDeg(a: Position, b: Position): number {
  const [lon1 = 0, lat1 = 0] = a.map((degrees) => degrees * RAD);
  const [lon2 = 0, lat2 = 0] = b.map((degrees) => degrees * RAD);
  const y = Math.sin(lon2 - lon1) * Math.cos(lat2);
  const x = Math.cos(lat1) * Math.sin(lat2) - Math.sin(lat1) * Math.cos(lat2) * Math.cos(lon2 - lon1);
  return Math.atan2(y, x) / RAD;
}

/** Where one gets from `from` in a direction; the longitude stays near that of `from`. */
export function destination(from: Position, bearing: number, metres: number): Position {
  const [lon = 0, lat = 0] = from.map((degrees) => degrees * RAD);
  const angle = metres / EARTH_RADIUS_M;
  const sinLat = Math.sin(lat) * Math.cos(angle) + Math.cos(lat) * Math.sin(angle) * Math.cos(bearing * RAD);
  const y = Math.sin(bearing * RAD) * Math.sin(angle) * Math.cos(lat);
  const x = Math.cos(angle) - Math.sin(lat) * sinLat;
  return [(lon + Math.atan2(y, x)) / RAD, Math.asin(Math.min(1, Math.max(-1, sinLat))) / RAD];
}

/** Points of a great-circle leg, ends included, at most `LONGEST_STEP_M` apart. */
export function leg(a: Position, b: Position): Position[] {
  const length = distanceM(a, b);
  const steps = Math.max(1, Math.ceil(length / LONGEST_STEP_M));
  const [va, vb] = [vector(a), vector(b)];
  const angle = length / EARTH_RADIUS_M;
  const points: Position[] = [a];
  for (let step = 1; step < steps; step++) {
    const t = step / steps;
    const wa = Math.sin((1 - t) * angle) / Math.sin(angle);
    const wb = Math.sin(t * angle) / Math.sin(angle);
    points.push(position([va[0] * wa + vb[0] * wb, va[1] * wa + vb[1] * wb, va[2] * wa + vb[2] * wb]));
  }
  points.push(b);
  return points;
}

/** The same line without jumps at the antimeridian: longitudes go on beyond ±180. */
export function unwrapped(line: readonly Position[]): Position[] {
  const found: Position[] = [];
  let previous: number | null = null;
  for (const [longitude = 0, latitude = 0] of line) {
    const next: number =
      previous === null ? longitude : longitude - 360 * Math.round((longitude - previous) / 360);
    found.push([next, latitude]);
    previous = next;
  }
  return found;
}

/** Centre line of a corridor, great circles drawn out, antimeridian unwrapped. */
export function centreLine(coordinates: readonly Position[]): Position[] {
  const points: Position[] = coordinates.slice(0, 1) as Position[];
  for (let i = 0; i + 1 < coordinates.length; i++) {
    points.push(...leg(coordinates[i] as Position, coordinates[i + 1] as Position).slice(1));
  }
  return unwrapped(points);
}

/**
 * The band of a corridor as polygons that overlap: a quad for each step and a disc at each corner.
 *
 * They are painted opaque, edges first, so that only the outline of their union is seen. A true union
 * would cost a library and say no more.
 */
export function band(coordinates: readonly Position[], halfWidthM: readonly number[]): Position[][][] {
  const polygons: Position[][][] = [];
  let previous: Position | null = null;
  for (let i = 0; i + 1 < coordinates.length; i++) {
    const width = halfWidthM[halfWidthM.length === 1 ? 0 : i] ?? halfWidthM[0] ?? 0;
    const steps: Position[] = leg(coordinates[i] as Position, coordinates[i + 1] as Position);
    const points: Position[] = unwrapped(previous ? [previous, ...steps.slice(1)] : steps);
    previous = points[points.length - 1] as Position;
    for (let j = 0; j + 1 < points.length; j++) {
      polygons.push([quad(points[j] as Position, points[j + 1] as Position, width)]);
    }
    polygons.push([disc(points[0] as Position, width)], [disc(previous, width)]);
  }
  return polygons;
}

function quad(a: Position, b: Position, width: number): Position[] {
  const there = bearingDeg(a, b);
  const back = bearingDeg(b, a);
  const ring = [
    destination(a, there - 90, width),
    destination(b, back + 90, width),
    destination(b, back - 90, width),
    destination(a, there + 90, width),
  ];
  return [...ring, ring[0] as Position];
}

/** Circle on the ground. */
export function disc(centre: Position, radiusM: number): Position[] {
  const ring: Position[] = [];
  for (let side = 0; side <= CAP_SIDES; side++) {
    ring.push(destination(centre, (360 * (side % CAP_SIDES)) / CAP_SIDES, radiusM));
  }
  return ring;
}

export interface TrackSegment {
  /** `path`: reports follow each other; `gap`: nothing was heard in between; `jump`: no vehicle moves so fast. */
  kind: "path" | "gap" | "jump";
  points: Position[];
}

const GAP_MS = 2 * 3_600_000;
const JUMP_M = 5_000;
const FASTEST_KMH = 300;

/** Track of every device as lines, split where it is silent or jumps. */
export function trackSegments(points: readonly TrackPoint[]): TrackSegment[] {
  const byDevice = new Map<string, TrackPoint[]>();
  for (const point of points) {
    const known = byDevice.get(point.device_id);
    if (known) known.push(point);
    else byDevice.set(point.device_id, [point]);
  }
  return [...byDevice.values()].flatMap(segmentsOfOne);
}

function segmentsOfOne(points: TrackPoint[]): TrackSegment[] {
  const line = unwrapped(points.map((point) => [point.longitude_deg, point.latitude_deg]));
  const segments: TrackSegment[] = [];
  for (let i = 1; i < points.length; i++) {
    const [from, to] = [line[i - 1] as Position, line[i] as Position];
    const kind = kindBetween(points[i - 1] as TrackPoint, points[i] as TrackPoint, distanceM(from, to));
    const last = segments[segments.length - 1];
    if (last && last.kind === kind) last.points.push(to);
    else segments.push({ kind, points: [from, to] });
  }
  return segments;
}

function kindBetween(a: TrackPoint, b: TrackPoint, metres: number): TrackSegment["kind"] {
  const ms = b.occurred_at_ms - a.occurred_at_ms;
  const speedKmh = (metres / Math.max(ms, 1_000)) * 3_600;
  if (metres > JUMP_M && speedKmh > FASTEST_KMH) return "jump";
  return ms > GAP_MS ? "gap" : "path";
}

/**
 * West, south, east, north of points in any order; null where there are none.
 *
 * The smallest box around them: it lies beside the widest empty stretch of longitudes, so that a fleet on
 * both sides of the antimeridian isn't shown around the whole world. East may be beyond 180.
 */
export function bounds(points: readonly Position[]): [number, number, number, number] | null {
  if (points.length === 0) return null;
  const around = points.map(([longitude = 0]) => longitude - 360 * Math.floor((longitude + 180) / 360));
  around.sort((a, b) => a - b);
  let west = around[0] ?? 0;
  let widest = west + 360 - (around.at(-1) ?? 0);
  for (let i = 1; i < around.length; i++) {
    const gap = (around[i] ?? 0) - (around[i - 1] ?? 0);
    if (gap > widest) {
      widest = gap;
      west = around[i] ?? 0;
    }
  }
  let south = Infinity;
  let north = -Infinity;
  for (const [, latitude = 0] of points) {
    south = Math.min(south, latitude);
    north = Math.max(north, latitude);
  }
  return [west, south, west + 360 - widest, north];
}

const METRES_PER_PIXEL_AT_0 = 78_271.5; // at the equator, tiles of 512 pixels

/** Zoom at which a length on the ground takes a number of pixels. */
export function zoomFor(metres: number, pixels: number, latitudeDeg: number): number {
  return Math.log2((METRES_PER_PIXEL_AT_0 * Math.cos(latitudeDeg * RAD) * pixels) / metres);
}
