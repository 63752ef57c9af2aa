/** Sources and layers of the map, from the sea floor up. Everything comes from this page's own server. */
import * as basemap from "virtual:basemap";
import type {
  ExpressionSpecification,
  FilterSpecification,
  LayerSpecification,
  StyleSpecification,
} from "maplibre-gl";
import { STATUSES, type Status } from "../state/fleet";
import type { Palette } from "./palette";

export const FONT = ["IBM Plex Sans"];
const INCIDENT_STATUSES: Status[] = ["critical", "high", "medium", "low"];
export const CONTAINER_LAYERS = [
  "containers-halo",
  "containers",
  "containers-heading",
  "containers-label",
] as const;

const empty = { type: "FeatureCollection" as const, features: [] };

export function buildStyle(palette: Palette): StyleSpecification {
  return {
    version: 8,
    sources: {
      land: { type: "geojson", data: basemap.land, maxzoom: 8, tolerance: 0.3 },
      lines: { type: "geojson", data: basemap.lines, maxzoom: 8, tolerance: 0.3 },
      labels: { type: "geojson", data: basemap.labels, maxzoom: 6 },
      corridor: { type: "geojson", data: empty },
      centre: { type: "geojson", data: empty },
      track: { type: "geojson", data: empty },
      places: { type: "geojson", data: empty },
      alerts: { type: "geojson", data: empty },
      containers: { type: "geojson", data: empty, promoteId: "id", buffer: 32, maxzoom: 12 },
      selected: { type: "geojson", data: empty },
    },
    layers: buildLayers(palette),
  };
}

function byStatus(palette: Palette): ExpressionSpecification {
  const pairs = STATUSES.flatMap((status) => [status, palette.status[status]]);
  return ["match", ["get", "status"], ...pairs, palette.status.ok] as unknown as ExpressionSpecification;
}

const worstOnTop: ExpressionSpecification = ["-", 0, ["get", "rank"]];
const isIncident: ExpressionSpecification = ["in", ["get", "status"], ["literal", INCIDENT_STATUSES]];

/** Filter of a container layer with some states hidden. */
export function containerFilter(layer: string, hidden: ReadonlySet<Status>): FilterSpecification {
  const shown: ExpressionSpecification = ["!", ["in", ["get", "status"], ["literal", [...hidden]]]];
  if (layer === "containers-halo") return ["all", shown, isIncident];
  if (layer === "containers-heading") return ["all", shown, ["get", "moving"]];
  return shown;
}

export function buildLayers(palette: Palette): LayerSpecification[] {
  return [...baseLayers(palette), ...tripLayers(palette), ...containerLayers(palette)];
}

function baseLayers(palette: Palette): LayerSpecification[] {
  return [
    { id: "water", type: "background", paint: { "background-color": palette.water } },
    {
      id: "land",
      type: "fill",
      source: "land",
      paint: { "fill-color": palette.land, "fill-antialias": false },
    },
    // Under the coast line, opaque: the overlapping parts of the band show as one.
    {
      id: "corridor-edge",
      type: "line",
      source: "corridor",
      layout: { "line-join": "round" },
      paint: { "line-color": palette.corridorEdge, "line-width": 2.5 },
    },
    { id: "corridor", type: "fill", source: "corridor", paint: { "fill-color": palette.corridor } },
    {
      id: "border",
      type: "line",
      source: "lines",
      filter: ["==", ["get", "kind"], "border"],
      paint: {
        "line-color": palette.border,
        "line-width": ["interpolate", ["linear"], ["zoom"], 2, 0.6, 7, 1.4],
      },
    },
    {
      id: "coast",
      type: "line",
      source: "lines",
      filter: ["==", ["get", "kind"], "coast"],
      paint: {
        "line-color": palette.coast,
        "line-width": ["interpolate", ["linear"], ["zoom"], 1, 0.6, 7, 1.4],
      },
    },
    {
      id: "country",
      type: "symbol",
      source: "labels",
      filter: ["<=", ["get", "rank"], ["step", ["zoom"], 2, 3, 3, 4, 4]],
      minzoom: 2,
      layout: {
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": ["interpolate", ["linear"], ["zoom"], 2, 10, 6, 13],
        "text-letter-spacing": 0.08,
        "text-max-width": 8,
        "symbol-sort-key": ["get", "rank"],
      },
      paint: { "text-color": palette.label, "text-halo-color": palette.labelHalo, "text-halo-width": 1.2 },
    },
  ];
}

function tripLayers(palette: Palette): LayerSpecification[] {
  return [
    {
      id: "centre",
      type: "line",
      source: "centre",
      paint: {
        "line-color": palette.corridorEdge,
        "line-width": 1,
        "line-dasharray": [3, 3],
        "line-opacity": 0.8,
      },
    },
    {
      id: "track-gap",
      type: "line",
      source: "track",
      filter: ["!=", ["get", "kind"], "path"],
      paint: {
        "line-color": palette.track,
        "line-width": 1.2,
        "line-dasharray": [1, 3],
        "line-opacity": ["match", ["get", "kind"], "jump", 0.35, 0.8],
      },
    },
    {
      id: "track",
      type: "line",
      source: "track",
      filter: ["==", ["get", "kind"], "path"],
      layout: { "line-join": "round", "line-cap": "round" },
      paint: { "line-color": palette.track, "line-width": 2.4 },
    },
    {
      id: "track-points",
      type: "circle",
      source: "track",
      filter: ["==", ["get", "kind"], "point"],
      minzoom: 5,
      paint: {
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 5, 1.5, 9, 3.5],
        "circle-color": ["case", ["get", "late"], palette.trackLate, palette.track],
      },
    },
    {
      id: "places",
      type: "circle",
      source: "places",
      paint: {
        "circle-radius": 4,
        "circle-color": palette.land,
        "circle-stroke-color": palette.text,
        "circle-stroke-width": 1.5,
      },
    },
    {
      id: "places-label",
      type: "symbol",
      source: "places",
      layout: {
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": 12,
        "text-variable-anchor": ["top", "bottom", "left", "right"],
        "text-radial-offset": 0.8,
      },
      paint: { "text-color": palette.text, "text-halo-color": palette.labelHalo, "text-halo-width": 1.6 },
    },
  ];
}

function containerLayers(palette: Palette): LayerSpecification[] {
  const colour = byStatus(palette);
  return [
    {
      id: "containers-halo",
      type: "circle",
      source: "containers",
      filter: isIncident,
      layout: { "circle-sort-key": worstOnTop },
      paint: {
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 1, 8, 8, 16],
        "circle-color": colour,
        "circle-opacity": 0.2,
        "circle-stroke-color": colour,
        "circle-stroke-width": 1.2,
        "circle-stroke-opacity": 0.7,
      },
    },
    {
      id: "containers-heading",
      type: "symbol",
      source: "containers",
      filter: ["get", "moving"],
      minzoom: 5,
      layout: {
        "icon-image": "heading",
        "icon-rotate": ["get", "course"],
        "icon-rotation-alignment": "map",
        "icon-allow-overlap": true,
        "icon-ignore-placement": true,
      },
      paint: { "icon-color": colour },
    },
    {
      id: "containers",
      type: "circle",
      source: "containers",
      layout: { "circle-sort-key": worstOnTop },
      paint: {
        "circle-radius": [
          "interpolate",
          ["linear"],
          ["zoom"],
          1,
          ["case", isIncident, 4, 2.4],
          5,
          ["case", isIncident, 5.5, 4],
          9,
          7,
        ],
        "circle-color": ["match", ["get", "status"], "silent", palette.water, colour],
        "circle-stroke-color": [
          "match",
          ["get", "status"],
          "silent",
          palette.status.silent,
          palette.labelHalo,
        ],
        "circle-stroke-width": ["match", ["get", "status"], "silent", 1.6, 0.8],
      },
    },
    {
      id: "alerts",
      type: "circle",
      source: "alerts",
      paint: {
        "circle-radius": ["case", ["get", "chosen"], 9, 6],
        "circle-color": "rgba(0,0,0,0)",
        "circle-stroke-width": ["case", ["get", "chosen"], 3, 1.8],
        "circle-stroke-color": colour,
      },
    },
    {
      id: "containers-label",
      type: "symbol",
      source: "containers",
      minzoom: 6,
      layout: {
        "text-field": ["get", "id"],
        "text-font": FONT,
        "text-size": 11,
        "text-variable-anchor": ["right", "left", "top", "bottom"],
        "text-radial-offset": 0.9,
        "symbol-sort-key": ["get", "rank"],
      },
      paint: { "text-color": palette.text, "text-halo-color": palette.labelHalo, "text-halo-width": 1.5 },
    },
    {
      id: "alerts-label",
      type: "symbol",
      source: "alerts",
      layout: {
        "text-field": ["get", "title"],
        "text-font": FONT,
        "text-size": 12,
        "text-variable-anchor": ["bottom", "top", "left", "right"],
        "text-radial-offset": 1.1,
      },
      paint: { "text-color": colour, "text-halo-color": palette.labelHalo, "text-halo-width": 1.8 },
    },
    {
      id: "selected",
      type: "circle",
      source: "selected",
      paint: {
        "circle-radius": 12,
        "circle-color": "rgba(0,0,0,0)",
        "circle-stroke-color": palette.focus,
        "circle-stroke-width": 2.5,
      },
    },
  ];
}
