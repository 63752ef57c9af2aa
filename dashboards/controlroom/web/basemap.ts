/**
 * Natural Earth 1:50m (world-atlas) as GeoJSON for the page: land by country,
 * coast and border lines, and one label point for each country.
 *
 * Done at build time, so that the browser parses plain GeoJSON in its worker.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Feature, FeatureCollection, LineString, MultiPolygon, Point, Polygon, Position } from "geojson";
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";

type Countries = Topology<{ countries: GeometryCollection<{ name: string }> }>;

export interface Basemap {
  land: FeatureCollection<Polygon | MultiPolygon>;
  lines: FeatureCollection<LineString, { kind: "coast" | "border" }>;
  labels: FeatureCollection<Point, { name: string; rank: number }>;
}

const DECIMALS = 1e3; // about 100 m: finer than the 1:50m drawing

function rounded([longitude = 0, latitude = 0]: Position): Position {
  return [Math.round(longitude * DECIMALS) / DECIMALS, Math.round(latitude * DECIMALS) / DECIMALS];
}

/** Parts of a line that follow neither the antimeridian nor the foot of Antarctica, where polygons are only cut. */
function withoutCuts(line: Position[]): Position[][] {
  const cut = ([longitude = 0, latitude = 0]: Position) => Math.abs(longitude) > 179.99 || latitude < -89.9;
  const parts: Position[][] = [];
  let part: Position[] = [];
  for (const point of line) {
    const before = part.at(-1);
    if (before !== undefined && Math.abs((before[0] ?? 0) - (point[0] ?? 0)) > 180) {
      if (part.length > 1) parts.push(part); // the line goes on at the other edge of the map
      part = [point];
    } else if (cut(point) && part.length > 0 && cut(part[part.length - 1] as Position)) {
      if (part.length > 1) parts.push(part);
      part = [point];
    } else {
      part.push(point);
    }
  }
  if (part.length > 1) parts.push(part);
  return parts;
}

/** A ring across the antimeridian goes on beyond ±180; one around the pole (Antarctica) stays as it is. */
function withoutJumps(ring: Position[]): Position[] {
  let turn = 0;
  const found = ring.map(([longitude = 0, latitude = 0], i): Position => {
    const before = ring[i - 1]?.[0] ?? longitude;
    if (longitude - before > 180) turn -= 360;
    else if (before - longitude > 180) turn += 360;
    return [longitude + turn, latitude];
  });
  return turn === 0 ? found : ring;
}

function ringArea(ring: Position[]): number {
  let sum = 0;
  for (let i = 0; i + 1 < ring.length; i++) {
    const [x1 = 0, y1 = 0] = ring[i] as Position;
    const [x2 = 0, y2 = 0] = ring[i + 1] as Position;
    sum += x1 * y2 - x2 * y1;
  }
  return Math.abs(sum / 2);
}

/** Middle of the widest stretch that a few horizontal lines have inside a ring: always inside it. */
function insidePoint(ring: Position[]): Position {
  const latitudes = ring.map((point) => point[1] ?? 0);
  const low = Math.min(...latitudes);
  const high = Math.max(...latitudes);
  let best: { width: number; point: Position } = { width: -1, point: ring[0] as Position };
  for (let step = 3; step <= 9; step++) {
    const latitude = low + ((high - low) * step) / 12;
    const crossings: number[] = [];
    for (let i = 0; i + 1 < ring.length; i++) {
      const [x1 = 0, y1 = 0] = ring[i] as Position;
      const [x2 = 0, y2 = 0] = ring[i + 1] as Position;
      if (y1 > latitude !== y2 > latitude) crossings.push(x1 + ((latitude - y1) / (y2 - y1)) * (x2 - x1));
    }
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const from = crossings[i] ?? 0;
      const to = crossings[i + 1] ?? 0;
      if (to - from > best.width) best = { width: to - from, point: [(from + to) / 2, latitude] };
    }
  }
  return best.point;
}

export function buildBasemap(): Basemap {
  const path = createRequire(import.meta.url).resolve("world-atlas/countries-50m.json");
  const world = JSON.parse(readFileSync(path, "utf-8")) as Countries;
  const countries = feature(world, world.objects.countries).features as Feature<
    Polygon | MultiPolygon,
    { name: string }
  >[];
  const land: Basemap["land"] = { type: "FeatureCollection", features: [] };
  const labels: Basemap["labels"] = { type: "FeatureCollection", features: [] };
  for (const country of countries) {
    const polygons =
      country.geometry.type === "Polygon" ? [country.geometry.coordinates] : country.geometry.coordinates;
    const plain = polygons.map((rings) => rings.map((ring) => withoutJumps(ring.map(rounded))));
    land.features.push({
      type: "Feature",
      properties: null,
      geometry: { type: "MultiPolygon", coordinates: plain },
    });
    const rings = plain.map((one) => one[0] ?? []).sort((a, b) => ringArea(b) - ringArea(a));
    const largest = rings[0];
    if (!largest || largest.length < 4) continue;
    const area = ringArea(largest);
    const rank = area > 150 ? 1 : area > 30 ? 2 : area > 5 ? 3 : 4;
    labels.features.push({
      type: "Feature",
      properties: { name: country.properties.name, rank },
      geometry: { type: "Point", coordinates: rounded(insidePoint(largest)) },
    });
  }
  const lines: Basemap["lines"] = { type: "FeatureCollection", features: [] };
  for (const kind of ["coast", "border"] as const) {
    const found = mesh(world, world.objects.countries, (a, b) => (kind === "coast" ? a === b : a !== b));
    for (const line of found.coordinates) {
      for (const part of withoutCuts(line.map(rounded))) {
        lines.features.push({
          type: "Feature",
          properties: { kind },
          geometry: { type: "LineString", coordinates: part },
        });
      }
    }
  }
  return { land, lines, labels };
}
