/** The chosen incident: what happened, when, how sure, who was told, and the buttons to decide. */

import { api } from "../api";
import type { Controller } from "../controller";
import { place, utcNear, words } from "../format";
import { useStore } from "../state/store";
import type { Alert, Decision, IncidentDetail, IncidentState, IncidentSummary } from "../types";
import { SeverityIcon } from "./icons";
import { IncidentChip, LateMark, Moment } from "./queue";
import { type Loaded, useLoaded } from "./use-loaded";

const DECISIONS: Record<IncidentState, readonly { decision: Decision; label: string; key?: string }[]> = {
  open: [
    { decision: "acknowledge", label: "Acknowledge", key: "A" },
    { decision: "resolve", label: "Resolve", key: "R" },
    { decision: "retract", label: "Retract" },
  ],
  acknowledged: [
    { decision: "resolve", label: "Resolve", key: "R" },
    { decision: "retract", label: "Retract" },
  ],
  resolved: [{ decision: "reopen", label: "Reopen" }],
  retracted: [{ decision: "reopen", label: "Reopen" }],
};

interface BlockProps {
  controller: Controller;
  incident: IncidentSummary;
  detail: Loaded<IncidentDetail | null>;
}

export function IncidentBlock({ controller, incident, detail }: BlockProps) {
  const nowMs = useStore(controller.store, (state) => Math.floor(state.nowMs / 5_000) * 5_000);
  const others = (detail.data?.alert_list ?? []).filter((alert) => alert.type !== incident.type);
  return (
    <section class={`block incident sev-${incident.severity} is-${incident.state}`} aria-label="Incident">
      <div class="line">
        <span class="severity">
          <SeverityIcon severity={incident.severity} />
          {incident.severity}
        </span>
        <IncidentChip incident={incident} />
      </div>
      <h3 class="title">
        {incident.title} <LateMark lateByMs={incident.late_by_ms} />
      </h3>
      <p class="sentence">{incident.sentence}</p>
      <div class="times">
        <Moment label="Happened" atMs={incident.occurred_at_ms} nowMs={nowMs} />
        <Moment label="Received" atMs={incident.received_at_ms} nowMs={nowMs} />
      </div>
      {incident.latitude_deg !== null && incident.longitude_deg !== null && (
        <p class="where">
          {place(incident.latitude_deg, incident.longitude_deg)}
          {incident.place_is_last_known && <em>last known place, older than the event</em>}
        </p>
      )}
      <div class="buttons">
        {DECISIONS[incident.state].map(({ decision, label, key }, index) => (
          <button
            type="button"
            key={decision}
            class={index === 0 ? "primary" : ""}
            data-decision={decision}
            onClick={() => controller.ask(decision, incident.incident_id)}
          >
            {label}
            {key && (
              <span class="key" aria-hidden="true">
                {key}
              </span>
            )}
          </button>
        ))}
      </div>
      {detail.error !== null && <p class="empty failed">Details can't be loaded. {detail.error}</p>}
      {others.length > 0 && (
        <ul class="joined-alerts" aria-label="Also in this incident">
          {others.map((alert) => (
            <li key={alert.alert_id} class={`sev-${alert.severity}`}>
              <SeverityIcon severity={alert.severity} />
              <b>{alert.title}</b>
              <time>{utcNear(alert.occurred_at_ms, nowMs)}</time>
              <span>{alert.sentence}</span>
            </li>
          ))}
        </ul>
      )}
      <Grounds alerts={detail.data?.alert_list ?? []} nowMs={nowMs} />
      <Told incidentId={incident.incident_id} version={incident.last_step?.at_ms ?? 0} nowMs={nowMs} />
    </section>
  );
}

/** Rule, figures and reports that the alerts rest on. */
function Grounds({ alerts, nowMs }: { alerts: readonly Alert[]; nowMs: number }) {
  if (alerts.length === 0) return null;
  return (
    <details class="grounds">
      <summary>What it rests on</summary>
      {alerts.map((alert) => (
        <div key={alert.alert_id}>
          <p>
            <b>{alert.title}</b>{" "}
            <span class="number">
              {alert.rule} v{alert.rule_version}
            </span>
          </p>
          <dl class="facts">
            {Object.entries(alert.details).map(([name, value]) => (
              <div key={name}>
                <dt>{words(name)}</dt>
                <dd>{typeof value === "number" ? Number(value.toFixed(3)) : String(value ?? "–")}</dd>
              </div>
            ))}
          </dl>
          {alert.evidence.length === 0 && <p class="hint">No report of a device stands behind it.</p>}
          <ul>
            {alert.evidence.map((one) => (
              <li key={one.reading_id}>
                <time>{utcNear(one.occurred_at_ms, nowMs)}</time> <span class="number">{one.device_id}</span>{" "}
                seal {one.seal_state}
                {one.seal_events.length > 0 && `: ${one.seal_events.map(words).join(", ")}`}{" "}
                <span class="number faint">{one.reading_id}</span>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </details>
  );
}

/** Who was told, from the ledger of deliveries. */
function Told({ incidentId, version, nowMs }: { incidentId: string; version: number; nowMs: number }) {
  const { data, error } = useLoaded(`told ${incidentId}`, version, () => api.deliveries(incidentId));
  if (error !== null) return <p class="empty failed">The ledger of notifications can't be loaded. {error}</p>;
  if (data === null || data.deliveries.length === 0) return null;
  return (
    <details class="grounds">
      <summary>
        Notified <b>{data.deliveries.filter((one) => one.state === "delivered").length}</b> of{" "}
        {data.deliveries.length}
      </summary>
      <ul>
        {data.deliveries.map((one) => (
          <li key={one.delivery_id}>
            <b>{one.subscriber_id}</b> by {one.channel}:{" "}
            {one.delivered_at_ms === null
              ? `${one.state}${one.attempts.length ? `, ${one.attempts.at(-1)?.outcome}` : ""}`
              : `delivered ${utcNear(one.delivered_at_ms, nowMs)}`}
          </li>
        ))}
      </ul>
    </details>
  );
}
