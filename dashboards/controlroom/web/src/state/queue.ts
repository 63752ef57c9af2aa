/** The alert queue: which incidents, in which order, and where the cursor stands. Pure functions. */
import type { IncidentState, IncidentSummary, Severity } from "../types";

export type QueueFilter = "standing" | IncidentState;

export const FILTERS: readonly { id: QueueFilter; label: string }[] = [
  { id: "standing", label: "Standing" },
  { id: "open", label: "Open" },
  { id: "acknowledged", label: "Ack’d" },
  { id: "resolved", label: "Resolved" },
  { id: "retracted", label: "Retracted" },
];

export type Incidents = ReadonlyMap<string, IncidentSummary>;

const RANK: Record<Severity, number> = { critical: 0, high: 1, medium: 2, low: 3, info: 4 };
const STATE_RANK: Record<IncidentState, number> = { open: 0, acknowledged: 1, resolved: 2, retracted: 3 };

export function matches(filter: QueueFilter, incident: IncidentSummary): boolean {
  if (filter === "standing") return incident.state === "open" || incident.state === "acknowledged";
  return incident.state === filter;
}

/** Open before acknowledged, severe before mild, then the newest received; closed ones by their last step. */
export function ordered(incidents: Incidents, filter: QueueFilter): IncidentSummary[] {
  const found = [...incidents.values()].filter((incident) => matches(filter, incident));
  const closed = filter === "resolved" || filter === "retracted";
  return found.sort((a, b) => {
    if (closed) return (b.last_step?.at_ms ?? 0) - (a.last_step?.at_ms ?? 0);
    return (
      STATE_RANK[a.state] - STATE_RANK[b.state] ||
      RANK[a.severity] - RANK[b.severity] ||
      b.received_at_ms - a.received_at_ms ||
      (a.incident_id < b.incident_id ? -1 : 1)
    );
  });
}

export function counts(incidents: Incidents): Record<QueueFilter, number> {
  const found: Record<QueueFilter, number> = {
    standing: 0,
    open: 0,
    acknowledged: 0,
    resolved: 0,
    retracted: 0,
  };
  for (const incident of incidents.values()) {
    found[incident.state] += 1;
    if (matches("standing", incident)) found.standing += 1;
  }
  return found;
}

/** Open incidents by severity. */
export function openBySeverity(incidents: Incidents): Record<Severity, number> {
  const found: Record<Severity, number> = { critical: 0, high: 0, medium: 0, low: 0, info: 0 };
  for (const incident of incidents.values()) if (incident.state === "open") found[incident.severity] += 1;
  return found;
}

export function withIncident(incidents: Incidents, incident: IncidentSummary): Incidents {
  return new Map(incidents).set(incident.incident_id, incident);
}

/** What the change means to a person who is watching; null where there is nothing to say. */
export function announcement(before: IncidentSummary | undefined, after: IncidentSummary): string | null {
  const what = `${after.severity} alert: ${after.title}, container ${after.container_id}`;
  if (before === undefined) return after.state === "open" ? `New ${what}` : null;
  if (after.state === "open" && before.state !== "open") return `Reopened ${what}`;
  if (after.state === "open" && RANK[after.severity] < RANK[before.severity]) return `Now ${what}`;
  if (after.state === "retracted" && before.state !== "retracted")
    return `Retracted: ${after.title}, container ${after.container_id}`;
  return null;
}

/** Cursor moved by `by` lines in the list; from nowhere it goes to the first or the last. */
export function moved(list: readonly IncidentSummary[], cursor: string | null, by: 1 | -1): string | null {
  if (list.length === 0) return null;
  const at = list.findIndex((incident) => incident.incident_id === cursor);
  const next = at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1);
  return list[next]?.incident_id ?? null;
}
