/** `LiveMap`: the map and what is drawn on it. Knows MapLibre; the rest of the page doesn't. */
import type { Feature, Point, Position } from "geojson";
import type { GeoJSONSource, Map as MapLibreMap, MapMouseEvent } from "maplibre-gl";
import maplibre from "maplibre-gl/dist/maplibre-gl-csp";
import workerUrl from "maplibre-gl/dist/maplibre-gl-csp-worker.js?url";
import "maplibre-gl/dist/maplibre-gl.css";
import { type Container, STATUSES, type Status } from "../state/fleet";
import type { Alert, Track, TripPlan } from "../types";
import { band, bounds, centreLine, trackSegments } from "./geometry";
import { readPalette } from "./palette";
import { buildLayers, buildStyle, CONTAINER_LAYERS, containerFilter } from "./style";

maplibre.setWorkerUrl(workerUrl);

const MOVING_KMH = 3;
const FIT_ZOOM = 9;
const LEGEND_PX = 200; // what is shown is shown beside the legend
const LATE_POINT_MS = 600_000;

export interface MapHandlers {
  pick(containerId: string): void;
  failed(words: string): void;
}

export class LiveMap {
  readonly #map: MapLibreMap;
  readonly #ready: Promise<void>;
  #updating: Promise<unknown> | null = null;
  readonly #pending = new Map<string, Feature<Point>>();
  #fitted = false;

  constructor(element: HTMLElement, handlers: MapHandlers) {
    this.#map = new maplibre.Map({
      container: element,
      style: buildStyle(readPalette()),
      center: [25, 25],
      zoom: 1.6,
      minZoom: 0.8,
      maxZoom: 16,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 0,
    });
    this.#map.touchZoomRotate.disableRotation();
    this.#map.keyboard.disableRotation();
    this.#map.getCanvas().setAttribute("aria-label", "Map of all containers");
    this.#map.on("error", (event) => handlers.failed(event.error.message));
    this.#map.on("click", (event) => {
      const id = this.#containerAt(event);
      if (id !== null) handlers.pick(id);
    });
    this.#map.on("mousemove", (event) => {
      this.#map.getCanvas().style.cursor = this.#containerAt(event) === null ? "" : "pointer";
    });
    this.#ready = new Promise((resolve) => {
      this.#map.once("load", () => {
        this.#map.addImage("heading", headingImage(), { sdf: true, pixelRatio: 2 });
        resolve();
      });
    });
  }

  get canvas(): HTMLCanvasElement {
    return this.#map.getCanvas();
  }

  setTheme(): void {
    void this.#ready.then(() => {
      for (const layer of buildLayers(readPalette())) {
        for (const [name, value] of Object.entries(layer.paint ?? {})) {
          this.#map.setPaintProperty(layer.id, name as never, value as never);
        }
      }
    });
  }

  /** Containers that changed; drawn in batches, one at a time. */
  update(changed: Iterable<readonly [Container, Status]>): void {
    for (const [container, status] of changed) {
      const found = featureOf(container, status);
      if (found) this.#pending.set(container.id, found);
    }
    void this.#ready.then(() => this.#push());
  }

  /** All containers anew, after the state was loaded. */
  replace(all: Iterable<readonly [Container, Status]>): void {
    this.#pending.clear();
    const features: Feature<Point>[] = [];
    for (const [container, status] of all) {
      const found = featureOf(container, status);
      if (found) features.push(found);
    }
    void this.#ready.then(() => {
      void this.#source("containers").setData({ type: "FeatureCollection", features });
      if (!this.#fitted && features.length > 0) {
        this.#fitted = true;
        this.fit(
          features.map((one) => one.geometry.coordinates),
          4,
          0,
        );
      }
    });
  }

  #push(): void {
    if (this.#updating !== null || this.#pending.size === 0) return;
    const add = [...this.#pending.values()];
    this.#pending.clear();
    const done = () => {
      this.#updating = null;
      this.#push();
    };
    this.#updating = Promise.resolve(this.#source("containers").updateData({ add }, true)).then(done, done);
  }

  hide(hidden: ReadonlySet<Status>): void {
    void this.#ready.then(() => {
      for (const layer of CONTAINER_LAYERS) this.#map.setFilter(layer, containerFilter(layer, hidden));
    });
  }

  select(container: Container | null): void {
    const at = container && placeOf(container);
    void this.#ready.then(() =>
      this.#source("selected").setData({
        type: "FeatureCollection",
        features: at ? [point(at, {})] : [],
      }),
    );
  }

  showPlan(trip: TripPlan | null): void {
    const corridor = trip?.corridor ?? null;
    const places = trip
      ? [trip.origin, trip.destination, ...trip.allowed_places].filter((one) => one !== null)
      : [];
    void this.#ready.then(() => {
      this.#source("corridor").setData({
        type: "FeatureCollection",
        features: corridor
          ? band(corridor.coordinates, corridor.half_width_m).map((coordinates) => ({
              type: "Feature",
              properties: null,
              geometry: { type: "Polygon", coordinates },
            }))
          : [],
      });
      this.#source("centre").setData({
        type: "Feature",
        properties: null,
        geometry: { type: "LineString", coordinates: corridor ? centreLine(corridor.coordinates) : [] },
      });
      this.#source("places").setData({
        type: "FeatureCollection",
        features: places.map((one) => point([one.longitude_deg, one.latitude_deg], { name: one.name })),
      });
    });
  }

  showTrack(track: Track | null): void {
    const points = track?.points ?? [];
    void this.#ready.then(() =>
      this.#source("track").setData({
        type: "FeatureCollection",
        features: [
          ...trackSegments(points).map(
            (segment): Feature => ({
              type: "Feature",
              properties: { kind: segment.kind },
              geometry: { type: "LineString", coordinates: segment.points },
            }),
          ),
          ...points.map((one) =>
            point([one.longitude_deg, one.latitude_deg], {
              kind: "point",
              late: one.received_at_ms - one.occurred_at_ms > LATE_POINT_MS,
            }),
          ),
        ],
      }),
    );
  }

  showAlerts(alerts: readonly Alert[], chosen: string | null): void {
    const features = alerts.flatMap((alert) =>
      alert.longitude_deg === null || alert.latitude_deg === null
        ? []
        : [
            point([alert.longitude_deg, alert.latitude_deg], {
              title: alert.title,
              status: alert.severity,
              chosen: alert.alert_id === chosen,
            }),
          ],
    );
    void this.#ready.then(() => this.#source("alerts").setData({ type: "FeatureCollection", features }));
  }

  /** Bring places into view. */
  fit(places: readonly Position[], maxZoom = FIT_ZOOM, durationMs = 500): void {
    const box = bounds(places);
    if (box === null) return;
    this.#map.resize(); // the drawer may have opened a moment ago, before the map has seen it
    const wide = this.#map.getContainer().clientWidth > 4 * LEGEND_PX;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#map.fitBounds(box, {
      padding: { top: 56, bottom: 56, left: wide ? LEGEND_PX : 64, right: 64 },
      maxZoom,
      duration: still ? 0 : durationMs,
      essential: true,
    });
  }

  zoomBy(steps: number): void {
    this.#map.zoomTo(this.#map.getZoom() + steps, { duration: 200 });
  }

  /** Containers drawn in the present view; for inspection. */
  renderedContainers(): number {
    return this.#map.queryRenderedFeatures({ layers: ["containers"] }).length;
  }

  /** Features of a source that are loaded, by kind of geometry; for inspection. */
  drawn(layer: string): number {
    return this.#map.queryRenderedFeatures({ layers: [layer] }).length;
  }

  project(longitudeDeg: number, latitudeDeg: number): { x: number; y: number } {
    const { x, y } = this.#map.project([longitudeDeg, latitudeDeg]);
    return { x, y };
  }

  get idle(): boolean {
    return this.#map.loaded() && this.#pending.size === 0 && this.#updating === null;
  }

  get zoom(): number {
    return this.#map.getZoom();
  }

  #source(id: string): GeoJSONSource {
    return this.#map.getSource(id) as GeoJSONSource;
  }

  #containerAt(event: MapMouseEvent): string | null {
    const { x, y } = event.point;
    const found = this.#map.queryRenderedFeatures(
      [
        [x - 5, y - 5],
        [x + 5, y + 5],
      ],
      { layers: ["containers", "containers-halo"] },
    );
    found.sort((a, b) => Number(a.properties.rank) - Number(b.properties.rank));
    const id: unknown = found[0]?.properties.id;
    return typeof id === "string" ? id : null;
  }
}

export function placeOf(container: Container): Position | null {
  const { longitudeDeg, latitudeDeg } = container;
  return longitudeDeg === null || latitudeDeg === null ? null : [longitudeDeg, latitudeDeg];
}

function featureOf(container: Container, status: Status): Feature<Point> | null {
  const at = placeOf(container);
  if (at === null) return null;
  return point(at, {
    id: container.id,
    status,
    rank: STATUSES.indexOf(status),
    course: container.courseDeg ?? 0,
    moving: container.courseDeg !== null && (container.speedKmh ?? 0) > MOVING_KMH && status !== "silent",
  });
}

function point(coordinates: Position, properties: Record<string, unknown>): Feature<Point> {
  return { type: "Feature", properties, geometry: { type: "Point", coordinates } };
}

/** A small wedge that stands before the dot and points where it goes. */
function headingImage(): ImageData {
  const size = 48;
  const canvas = document.createElement("canvas");
  canvas.width = size;
  canvas.height = size;
  const context = canvas.getContext("2d");
  if (context === null) return new ImageData(size, size);
  context.beginPath();
  context.moveTo(size / 2, 2);
  context.lineTo(size / 2 + 8, 15);
  context.lineTo(size / 2 - 8, 15);
  context.closePath();
  context.fill();
  return context.getImageData(0, 0, size, size);
}
