/** The public schema of the API, as this page uses it (see /api/openapi.json). Times are UTC milliseconds. */

export type Severity = "info" | "low" | "medium" | "high" | "critical";
export type IncidentState = "open" | "acknowledged" | "resolved" | "retracted";
export type Decision = "acknowledge" | "resolve" | "retract" | "reopen";

export interface PositionColumns {
  container_id: string[];
  device_id: string[];
  occurred_at_ms: number[];
  received_at_ms: number[];
  position_at_ms: (number | null)[];
  longitude_deg: (number | null)[];
  latitude_deg: (number | null)[];
  fix_kind: number[];
  accuracy_m: (number | null)[];
  speed_kmh: (number | null)[];
  course_deg: (number | null)[];
  seal_state: number[];
  battery_pct: (number | null)[];
}

export interface Step {
  at_ms: number;
  actor: string;
  action: string;
  reason: string;
}

export interface IncidentSummary {
  incident_id: string;
  container_id: string;
  trip_id: string;
  family: string;
  state: IncidentState;
  severity: Severity;
  type: string | null;
  title: string;
  sentence: string;
  alerts: number;
  cleared: boolean;
  opened_at_ms: number;
  occurred_at_ms: number;
  received_at_ms: number;
  late_by_ms: number;
  longitude_deg: number | null;
  latitude_deg: number | null;
  place_is_last_known: boolean;
  last_step: Step | null;
}

export interface EvidenceReport {
  reading_id: string;
  device_id: string;
  occurred_at_ms: number;
  received_at_ms: number;
  longitude_deg: number | null;
  latitude_deg: number | null;
  fix_kind: number;
  seal_state: string;
  seal_events: string[];
}

export interface Alert {
  alert_id: string;
  type: string;
  title: string;
  action: "raised" | "updated" | "cleared" | "retracted" | "logged";
  severity: Severity;
  device_id: string;
  occurred_at_ms: number;
  received_at_ms: number;
  late_by_ms: number;
  sentence: string;
  rule: string;
  rule_version: number;
  longitude_deg: number | null;
  latitude_deg: number | null;
  place_is_last_known: boolean;
  details: Record<string, string | number | boolean | null>;
  evidence: EvidenceReport[];
}

export interface IncidentDetail extends IncidentSummary {
  alert_list: Alert[];
  history: Step[];
}

export interface PlaceCircle {
  name: string;
  longitude_deg: number;
  latitude_deg: number;
  radius_m: number;
}

export interface CorridorLine {
  coordinates: [number, number][];
  half_width_m: number[];
}

export interface Permit {
  authorisation_id: string;
  granted_by: string;
  valid_from_ms: number;
  valid_until_ms: number;
  card_ids: string[];
  place: PlaceCircle | null;
  reason: string;
}

export interface TripSummary {
  trip_id: string;
  container_id: string;
  departs_at_ms: number | null;
  arrives_at_ms: number | null;
  origin: string;
  destination: string;
}

export interface TripPlan {
  trip_id: string;
  container_id: string;
  departs_at_ms: number | null;
  arrives_at_ms: number | null;
  origin: PlaceCircle | null;
  destination: PlaceCircle | null;
  device_ids: string[];
  seal_numbers: string[];
  corridor: CorridorLine | null;
  allowed_places: PlaceCircle[];
  authorisations: Permit[];
}

export interface TripDetail {
  trip: TripPlan;
  incidents: IncidentSummary[];
  custody: Alert[];
}

export interface TrackPoint {
  device_id: string;
  occurred_at_ms: number;
  received_at_ms: number;
  longitude_deg: number;
  latitude_deg: number;
  fix_kind: number;
  accuracy_m: number | null;
  speed_kmh: number | null;
  course_deg: number | null;
}

export interface Track {
  container_id: string;
  since_ms: number;
  until_ms: number;
  truncated: boolean;
  points: TrackPoint[];
}

export interface SensorSample {
  occurred_at_ms: number;
  value: number;
  device_id: string;
}

export interface SensorSeries {
  container_id: string;
  quantity: string;
  since_ms: number;
  until_ms: number;
  truncated: boolean;
  samples: SensorSample[];
}

export interface SealReport {
  device_id: string;
  occurred_at_ms: number;
  received_at_ms: number;
  late_by_ms: number;
  state: string;
  events: string[];
  seal_number: string | null;
  card_id: string | null;
  door_open: boolean | null;
  longitude_deg: number | null;
  latitude_deg: number | null;
}

export interface SealHistory {
  container_id: string;
  since_ms: number;
  until_ms: number;
  truncated: boolean;
  reports: SealReport[];
}

export interface DeliveryRecord {
  delivery_id: string;
  subscriber_id: string;
  channel: "mqtt" | "webhook";
  incident_id: string;
  alert_type: string;
  container_id: string;
  trip_id: string;
  state: "queued" | "delivered" | "failed";
  queued_at_ms: number;
  delivered_at_ms: number | null;
  next_attempt_at_ms: number | null;
  attempts: { at_ms: number; outcome: string; detail: string; took_ms: number }[];
}

export interface Deliveries {
  truncated: boolean;
  deliveries: DeliveryRecord[];
}

export interface RiskPart {
  name: string;
  points: number;
  reason: string;
  basis: { kind: string; id: string }[];
}

export interface TripRisk {
  trip_id: string;
  container_id: string;
  origin: string;
  destination: string;
  score: number;
  points: number;
  parts: RiskPart[];
}

export interface WorkList {
  at_ms: number;
  trips: number;
  unknown: string[];
  risks: TripRisk[];
}

export interface Stats {
  server_time_ms: number;
  reports_per_s: number;
  containers: number;
  viewers: number;
  feed_connected: boolean;
  feed_error: string;
}

export interface State {
  cursor: string;
  server_time_ms: number;
  late_after_s: number;
  silent_after_s: number;
  stats: Stats;
  containers: PositionColumns;
  incidents: IncidentSummary[];
  trips: TripSummary[];
}

export interface Problem {
  name: string;
  title: string;
  status: number;
  detail: string;
}
