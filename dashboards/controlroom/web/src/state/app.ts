/** What the page shows, as one value, and the only function that changes it. */
import type { Connection } from "../live";
import type { Decision, IncidentSummary, State, Stats, TripSummary } from "../types";
import { type Ages, STATUSES, type Status } from "./fleet";
import { announcement, type Incidents, type QueueFilter, withIncident } from "./queue";

export type Theme = "dark" | "light";

/** What the side shows: the alerts, or the trips to inspect first. */
export type Panel = "alerts" | "inspect";

export interface Selection {
  containerId: string;
  incidentId: string | null;
}

export type Dialog =
  | { kind: "help" }
  | { kind: "name" }
  | { kind: "decide"; decision: Decision; incidentId: string };

export interface Notice {
  id: number;
  kind: "done" | "failed";
  text: string;
}

export interface AppState {
  loaded: boolean;
  connection: Connection;
  connectionDetail: string;
  /** What to add to the browser's clock to get the server's. */
  clockOffsetMs: number;
  nowMs: number;
  ages: Ages;
  stats: Stats | null;
  incidents: Incidents;
  trips: ReadonlyMap<string, TripSummary>;
  statusCounts: Readonly<Record<Status, number>>;
  hidden: ReadonlySet<Status>;
  panel: Panel;
  filter: QueueFilter;
  cursor: string | null;
  selection: Selection | null;
  dialog: Dialog | null;
  actor: string;
  theme: Theme;
  notices: readonly Notice[];
  /** What a screen reader is told. */
  announced: string;
}

export type Action =
  | { type: "state"; state: State; localNowMs: number }
  | { type: "incident"; incident: IncidentSummary }
  | { type: "trip"; trip: TripSummary }
  | { type: "trip_removed"; tripId: string }
  | { type: "stats"; stats: Stats; localNowMs: number }
  | { type: "connection"; connection: Connection; detail: string }
  | { type: "tick"; localNowMs: number }
  | { type: "status_counts"; counts: Record<Status, number> }
  | { type: "toggle_status"; status: Status }
  | { type: "panel"; panel: Panel }
  | { type: "filter"; filter: QueueFilter }
  | { type: "cursor"; incidentId: string | null }
  | { type: "select"; selection: Selection | null }
  | { type: "dialog"; dialog: Dialog | null }
  | { type: "actor"; actor: string }
  | { type: "theme"; theme: Theme }
  | { type: "notice"; notice: Notice }
  | { type: "notice_gone"; id: number };

export function noCounts(): Record<Status, number> {
  return Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<Status, number>;
}

export function initial(actor: string, theme: Theme, localNowMs: number): AppState {
  return {
    loaded: false,
    connection: "connecting",
    connectionDetail: "",
    clockOffsetMs: 0,
    nowMs: localNowMs,
    ages: { lateAfterMs: 1_800_000, silentAfterMs: 21_600_000 },
    stats: null,
    incidents: new Map(),
    trips: new Map(),
    statusCounts: noCounts(),
    hidden: new Set(),
    panel: "alerts",
    filter: "standing",
    cursor: null,
    selection: null,
    dialog: null,
    actor,
    theme,
    notices: [],
    announced: "",
  };
}

export function reduce(state: AppState, action: Action): AppState {
  switch (action.type) {
    case "state":
      return loaded(state, action.state, action.localNowMs);
    case "incident": {
      const words = announcement(state.incidents.get(action.incident.incident_id), action.incident);
      return {
        ...state,
        incidents: withIncident(state.incidents, action.incident),
        announced: words ?? state.announced,
      };
    }
    case "trip":
      return { ...state, trips: new Map(state.trips).set(action.trip.trip_id, action.trip) };
    case "trip_removed": {
      const trips = new Map(state.trips);
      trips.delete(action.tripId);
      return { ...state, trips };
    }
    case "stats":
      return {
        ...state,
        stats: action.stats,
        clockOffsetMs: action.stats.server_time_ms - action.localNowMs,
      };
    case "connection":
      return { ...state, connection: action.connection, connectionDetail: action.detail };
    case "tick":
      return { ...state, nowMs: action.localNowMs + state.clockOffsetMs };
    case "status_counts":
      return { ...state, statusCounts: action.counts };
    case "toggle_status": {
      const hidden = new Set(state.hidden);
      if (!hidden.delete(action.status)) hidden.add(action.status);
      return { ...state, hidden };
    }
    case "panel":
      // The cursor stands in the queue: out of sight it must not say what A and R are about.
      return { ...state, panel: action.panel, cursor: state.selection?.incidentId ?? null };
    case "filter":
      return { ...state, filter: action.filter, cursor: null };
    case "cursor":
      return { ...state, cursor: action.incidentId };
    case "select":
      // A container without an incident takes the cursor away: A and R must never decide about
      // another incident than the one that is shown.
      return {
        ...state,
        selection: action.selection,
        cursor: action.selection === null ? state.cursor : action.selection.incidentId,
      };
    case "dialog":
      return { ...state, dialog: action.dialog };
    case "actor":
      return { ...state, actor: action.actor };
    case "theme":
      return { ...state, theme: action.theme };
    case "notice":
      return { ...state, notices: [...state.notices.slice(-2), action.notice] };
    case "notice_gone":
      return { ...state, notices: state.notices.filter((notice) => notice.id !== action.id) };
  }
}

function loaded(state: AppState, found: State, localNowMs: number): AppState {
  const clockOffsetMs = found.server_time_ms - localNowMs;
  return {
    ...state,
    loaded: true,
    stats: found.stats,
    clockOffsetMs,
    nowMs: localNowMs + clockOffsetMs,
    ages: { lateAfterMs: found.late_after_s * 1_000, silentAfterMs: found.silent_after_s * 1_000 },
    incidents: new Map(found.incidents.map((incident) => [incident.incident_id, incident])),
    trips: new Map(found.trips.map((trip) => [trip.trip_id, trip])),
  };
}

/** The trip that a container is on: the one that departs last, those without a plan before it. */
export function tripOf(trips: ReadonlyMap<string, TripSummary>, containerId: string): TripSummary | null {
  let found: TripSummary | null = null;
  for (const trip of trips.values()) {
    if (trip.container_id !== containerId) continue;
    if (found === null || (trip.departs_at_ms ?? 0) >= (found.departs_at_ms ?? 0)) found = trip;
  }
  return found;
}

type TripTimes = Pick<TripSummary, "departs_at_ms" | "arrives_at_ms">;

export type TripState = "planned" | "under way" | "overdue" | "ended";

/** Where a trip stands by its plan and its custody log. */
export function tripState(trip: TripTimes, custodyTypes: readonly string[], nowMs: number): TripState {
  if (custodyTypes.includes("TRIP_ENDED")) return "ended";
  if (trip.departs_at_ms !== null && nowMs < trip.departs_at_ms) return "planned";
  if (trip.arrives_at_ms !== null && nowMs > trip.arrives_at_ms) return "overdue";
  return "under way";
}
