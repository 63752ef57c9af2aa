/** Containers on the map: a table kept current from columns, and the state each one is shown in. */
import type { IncidentSummary, PositionColumns, Severity } from "../types";

export interface Container {
  id: string;
  deviceId: string;
  occurredAtMs: number;
  receivedAtMs: number;
  positionAtMs: number | null;
  longitudeDeg: number | null;
  latitudeDeg: number | null;
  fixKind: number;
  accuracyM: number | null;
  speedKmh: number | null;
  courseDeg: number | null;
  sealState: number;
  batteryPct: number | null;
}

/** How a container is shown, worst first. */
export const STATUSES = [
  "critical",
  "high",
  "medium",
  "low",
  "acknowledged",
  "silent",
  "late",
  "ok",
] as const;
export type Status = (typeof STATUSES)[number];

export const STATUS_LABELS: Record<Status, string> = {
  critical: "Critical incident",
  high: "High incident",
  medium: "Medium incident",
  low: "Low incident",
  acknowledged: "Acknowledged",
  silent: "Silent",
  late: "Report late",
  ok: "Under way",
};

export interface Ages {
  lateAfterMs: number;
  silentAfterMs: number;
}

/** Containers of columns, one object for each row. */
export function* rows(columns: PositionColumns): Generator<Container> {
  const count = columns.container_id.length;
  for (let i = 0; i < count; i++) {
    yield {
      id: columns.container_id[i] ?? "",
      deviceId: columns.device_id[i] ?? "",
      occurredAtMs: columns.occurred_at_ms[i] ?? 0,
      receivedAtMs: columns.received_at_ms[i] ?? 0,
      positionAtMs: columns.position_at_ms[i] ?? null,
      longitudeDeg: columns.longitude_deg[i] ?? null,
      latitudeDeg: columns.latitude_deg[i] ?? null,
      fixKind: columns.fix_kind[i] ?? 0,
      accuracyM: columns.accuracy_m[i] ?? null,
      speedKmh: columns.speed_kmh[i] ?? null,
      courseDeg: columns.course_deg[i] ?? null,
      sealState: columns.seal_state[i] ?? 0,
      batteryPct: columns.battery_pct[i] ?? null,
    };
  }
}

/** Worst standing incident of every container: what colours it. */
export function standingStatus(incidents: Iterable<IncidentSummary>): Map<string, Status> {
  const found = new Map<string, Status>();
  for (const incident of incidents) {
    const status = statusOfIncident(incident);
    if (status === null) continue;
    const known = found.get(incident.container_id);
    if (known === undefined || STATUSES.indexOf(status) < STATUSES.indexOf(known)) {
      found.set(incident.container_id, status);
    }
  }
  return found;
}

function statusOfIncident(incident: IncidentSummary): Status | null {
  if (incident.state === "acknowledged") return "acknowledged";
  if (incident.state !== "open") return null;
  return incident.severity === "info" ? "low" : (incident.severity satisfies Exclude<Severity, "info">);
}

/** State of a container at a time: its incident first, else the age of its newest report. */
export function statusOf(
  container: Container,
  incident: Status | undefined,
  nowMs: number,
  ages: Ages,
): Status {
  if (incident !== undefined) return incident;
  const age = nowMs - container.occurredAtMs;
  if (age > ages.silentAfterMs) return "silent";
  return age > ages.lateAfterMs ? "late" : "ok";
}

/** The fleet. Mutated in place: tens of thousands of rows change several times a second. */
export class Fleet {
  readonly containers = new Map<string, Container>();
  readonly #changed = new Set<string>();

  replace(columns: PositionColumns): void {
    this.containers.clear();
    this.#changed.clear();
    this.merge(columns);
  }

  merge(columns: PositionColumns): void {
    for (const container of rows(columns)) {
      this.containers.set(container.id, container);
      this.#changed.add(container.id);
    }
  }

  takeChanged(): string[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  /** Containers whose number contains the text, those that begin with it first. */
  search(text: string, limit: number): Container[] {
    const wanted = text.replaceAll(/[\s-]/g, "").toUpperCase();
    if (wanted === "") return [];
    const begin: Container[] = [];
    const inside: Container[] = [];
    for (const container of this.containers.values()) {
      const at = container.id.toUpperCase().indexOf(wanted);
      if (at === 0) begin.push(container);
      else if (at > 0 && inside.length < limit) inside.push(container);
      if (begin.length >= limit) break;
    }
    return [...begin, ...inside].slice(0, limit);
  }
}
