/** Words and figures for people. All times are UTC. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const pad = (value: number) => String(value).padStart(2, "0");

/** `14:03:09`. */
export function utcTime(atMs: number): string {
  const at = new Date(atMs);
  return `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}:${pad(at.getUTCSeconds())}`;
}

/** `2026-11-23`. */
export function utcDate(atMs: number): string {
  const at = new Date(atMs);
  return `${at.getUTCFullYear()}-${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())}`;
}

/** `2026-11-23 14:03:09`. */
export function utc(atMs: number): string {
  return `${utcDate(atMs)} ${utcTime(atMs)}`;
}

/** Time alone on the day of `nowMs`, else with its date: `23 Nov 14:03:09`. */
export function utcNear(atMs: number, nowMs: number): string {
  if (utcDate(atMs) === utcDate(nowMs)) return utcTime(atMs);
  const at = new Date(atMs);
  const year = at.getUTCFullYear() === new Date(nowMs).getUTCFullYear() ? "" : ` ${at.getUTCFullYear()}`;
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}${year} ${utcTime(atMs)}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `23 Nov`. */
export function utcDay(atMs: number): string {
  const at = new Date(atMs);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`;
}

/** Two units at most: `45 s`, `12 min`, `4 h 5 min`, `3 d 2 h`. */
export function duration(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < MINUTE) return `${Math.floor(whole / SECOND)} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
  if (whole < DAY) {
    const minutes = Math.floor((whole % HOUR) / MINUTE);
    return `${Math.floor(whole / HOUR)} h${minutes ? ` ${minutes} min` : ""}`;
  }
  const hours = Math.floor((whole % DAY) / HOUR);
  return `${Math.floor(whole / DAY)} d${hours ? ` ${hours} h` : ""}`;
}

/** `12 min ago`, `now`, `in 3 h`. */
export function age(atMs: number, nowMs: number): string {
  const ms = nowMs - atMs;
  if (Math.abs(ms) < 5 * SECOND) return "now";
  return ms < 0 ? `in ${duration(-ms)}` : `${duration(ms)} ago`;
}

/** A report later than this carries a mark. */
export const LATE_MARK_MS = 5 * MINUTE;

/** `late by 4 h`, or null where the delay is ordinary. */
export function lateMark(lateByMs: number): string | null {
  if (lateByMs < LATE_MARK_MS) return null;
  return `late by ${lateByMs < HOUR ? duration(lateByMs) : roundedDuration(lateByMs)}`;
}

function roundedDuration(ms: number): string {
  if (ms < DAY) return duration(Math.round(ms / (10 * MINUTE)) * 10 * MINUTE);
  return duration(Math.round(ms / HOUR) * HOUR);
}

/** `51.9244° N 4.4777° E`. */
export function place(latitudeDeg: number, longitudeDeg: number): string {
  const latitude = `${Math.abs(latitudeDeg).toFixed(4)}° ${latitudeDeg < 0 ? "S" : "N"}`;
  return `${latitude} ${Math.abs(longitudeDeg).toFixed(4)}° ${longitudeDeg < 0 ? "W" : "E"}`;
}

/** ISO 6346 in its printed groups: `MSKU 123456 5`; anything else as it is. */
export function containerNumber(id: string): string {
  const parts = /^([A-Z]{4})(\d{6})(\d)$/.exec(id);
  return parts ? `${parts[1]} ${parts[2]} ${parts[3]}` : id;
}

/** `1 234`, with a thin space that doesn't break. */
export function whole(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** Metres or kilometres. */
export function distance(metres: number): string {
  if (metres < 1_000) return `${Math.round(metres)} m`;
  return `${(metres / 1_000).toFixed(metres < 10_000 ? 1 : 0)} km`;
}

/** `occurred_at` → `occurred at`. */
export function words(name: string): string {
  return name.replaceAll("_", " ").toLowerCase();
}

export const FIX_KINDS = ["no fix", "GNSS", "mobile cells", "Wi-Fi", "stale fix"] as const;
export const SEAL_STATES = ["unknown", "sealed", "unlocked", "open", "cut", "fault"] as const;

export interface Quantity {
  id: string;
  label: string;
  unit: string;
  decimals: number;
}

/** Series that the drawer plots. */
export const QUANTITIES: readonly Quantity[] = [
  { id: "temperature_c", label: "Temperature", unit: "°C", decimals: 1 },
  { id: "humidity_pct", label: "Humidity", unit: "%", decimals: 0 },
  { id: "battery_pct", label: "Battery", unit: "%", decimals: 0 },
  { id: "light_lux", label: "Light", unit: "lx", decimals: 0 },
  { id: "shock_g", label: "Shock", unit: "g", decimals: 1 },
  { id: "speed_kmh", label: "Speed", unit: "km/h", decimals: 0 },
  { id: "signal_pct", label: "Signal", unit: "%", decimals: 0 },
];
