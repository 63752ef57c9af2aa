/** Seal reports of the device, and the custody log of the trip. Newest first. */
import { useState } from "preact/hooks";
import { utcNear, words } from "../format";
import type { SealHistory, SealReport, Step, TripDetail } from "../types";
import { LateMark } from "./queue";
import type { Loaded } from "./use-loaded";

const FIRST_SHOWN = 8;
const GRAVE = new Set([
  "cut",
  "opened",
  "tampered",
  "door_opened",
  "wrong_password",
  "bad_card",
  "outside_area",
]);

/** Reports in which something happened or the state changed; the others only repeat it. */
export function notable(reports: readonly SealReport[]): SealReport[] {
  return reports.filter((report, i) => report.events.length > 0 || report.state !== reports[i - 1]?.state);
}

/** Events that say more than the state already does. */
function said(report: SealReport): string[] {
  return report.events.filter((event) => event !== report.state);
}

export function SealReports({ seals, nowMs }: { seals: Loaded<SealHistory>; nowMs: number }) {
  const [all, setAll] = useState(false);
  const found = notable(seals.data?.reports ?? []).reverse();
  const shown = all ? found : found.slice(0, FIRST_SHOWN);
  return (
    <section class="block" aria-label="Seal history" data-testid="seals">
      <div class="block-head">
        <h3>Seal history</h3>
        {seals.data && <span class="hint">{seals.data.reports.length} reports</span>}
      </div>
      {seals.error !== null && <p class="empty failed">The seal history can't be loaded. {seals.error}</p>}
      {seals.error === null && seals.data === null && <p class="empty">Loading…</p>}
      {seals.data !== null && found.length === 0 && (
        <p class="empty">The seal has reported nothing in this time.</p>
      )}
      <ol class="log">
        {shown.map((report, index) => (
          <li
            key={`${report.occurred_at_ms} ${report.device_id} ${index}`}
            class={report.events.some((event) => GRAVE.has(event)) ? "grave" : ""}
          >
            <time dateTime={new Date(report.occurred_at_ms).toISOString()}>
              {utcNear(report.occurred_at_ms, nowMs)}
            </time>
            <div>
              <b class={`seal-state ${report.state}`}>{report.state}</b>
              {said(report).length > 0 && <span>{said(report).map(words).join(", ")}</span>}
              <LateMark lateByMs={report.late_by_ms} />
              <p class="faint">
                {[
                  report.device_id,
                  report.seal_number && `seal ${report.seal_number}`,
                  report.card_id && `card ${report.card_id}`,
                  report.door_open === true && "door open",
                  report.latitude_deg === null && "no position",
                ]
                  .filter(Boolean)
                  .join(" · ")}
              </p>
            </div>
          </li>
        ))}
      </ol>
      {found.length > shown.length && (
        <button type="button" class="more" onClick={() => setAll(true)}>
          Show all {found.length}
        </button>
      )}
    </section>
  );
}

interface Entry {
  key: string;
  atMs: number;
  what: string;
  says: string;
  kind: "custody" | "decision";
}

export function CustodyLog({
  trip,
  history,
  nowMs,
}: {
  trip: Loaded<TripDetail | null>;
  history: readonly Step[];
  nowMs: number;
}) {
  const entries: Entry[] = [
    ...(trip.data?.custody ?? []).map((event) => ({
      key: event.alert_id + event.occurred_at_ms,
      atMs: event.occurred_at_ms,
      what: event.title,
      says: event.sentence,
      kind: "custody" as const,
    })),
    ...history.map((step, index) => ({
      key: `step ${index}`,
      atMs: step.at_ms,
      what: `Incident ${words(step.action)}`,
      says: [`by ${step.actor}`, step.reason].filter(Boolean).join(": "),
      kind: "decision" as const,
    })),
  ].sort((a, b) => b.atMs - a.atMs);
  return (
    <section class="block" aria-label="Custody log" data-testid="custody">
      <div class="block-head">
        <h3>Custody log</h3>
      </div>
      {entries.length === 0 && <p class="empty">Nothing is logged for this trip yet.</p>}
      <ol class="log">
        {entries.map((entry) => (
          <li key={entry.key} class={entry.kind}>
            <time dateTime={new Date(entry.atMs).toISOString()}>{utcNear(entry.atMs, nowMs)}</time>
            <div>
              <b>{entry.what}</b>
              <p class="faint">{entry.says}</p>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
