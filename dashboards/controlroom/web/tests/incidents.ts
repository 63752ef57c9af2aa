import type { IncidentSummary, PositionColumns } from "../src/types";

/** An open, critical incident with some fields changed. */
export function incident(id: string, changes: Partial<IncidentSummary> = {}): IncidentSummary {
  return {
    incident_id: id,
    container_id: "MSKU1234565",
    trip_id: "T-1",
    family: "breach",
    state: "open",
    severity: "critical",
    type: "SEAL_CUT",
    title: "Seal cut",
    sentence: "The cable was cut.",
    alerts: 1,
    cleared: false,
    opened_at_ms: 1_000,
    occurred_at_ms: 500,
    received_at_ms: 900,
    late_by_ms: 400,
    longitude_deg: 4,
    latitude_deg: 52,
    place_is_last_known: false,
    last_step: { at_ms: 1_000, actor: "sealtrail", action: "opened", reason: "" },
    ...changes,
  };
}

export function columns(rows: readonly (readonly [id: string, atMs: number])[]): PositionColumns {
  const all = <T>(value: T) => rows.map(() => value);
  return {
    container_id: rows.map(([id]) => id),
    device_id: all("d"),
    occurred_at_ms: rows.map(([, at]) => at),
    received_at_ms: rows.map(([, at]) => at),
    position_at_ms: rows.map(([, at]) => at),
    longitude_deg: all(4),
    latitude_deg: all(52),
    fix_kind: all(1),
    accuracy_m: all(null),
    speed_kmh: all(null),
    course_deg: all(null),
    seal_state: all(1),
    battery_pct: all(null),
  };
}
