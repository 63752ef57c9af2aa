/** Colours of the map, read from the style sheet's variables: one truth for page and map. */
import { STATUSES, type Status } from "../state/fleet";

export interface Palette {
  water: string;
  land: string;
  coast: string;
  border: string;
  label: string;
  labelHalo: string;
  text: string;
  corridor: string;
  corridorEdge: string;
  track: string;
  trackLate: string;
  focus: string;
  status: Record<Status, string>;
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return {
    water: colour("--map-water"),
    land: colour("--map-land"),
    coast: colour("--map-coast"),
    border: colour("--map-border"),
    label: colour("--map-label"),
    labelHalo: colour("--map-halo"),
    text: colour("--text"),
    corridor: colour("--map-corridor"),
    corridorEdge: colour("--map-corridor-edge"),
    track: colour("--map-track"),
    trackLate: colour("--late-mark"),
    focus: colour("--focus"),
    status: Object.fromEntries(STATUSES.map((status) => [status, colour(`--status-${status}`)])) as Record<
      Status,
      string
    >,
  };
}
