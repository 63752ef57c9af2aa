/** The alert queue at the side. */
import { useState } from "preact/hooks";
import type { Controller } from "../controller";
import { age, containerNumber, lateMark, utcNear } from "../format";
import type { Panel } from "../state/app";
import { counts, FILTERS, ordered, type QueueFilter } from "../state/queue";
import { useStore } from "../state/store";
import type { IncidentSummary } from "../types";
import { ClockIcon, SeverityIcon } from "./icons";
import { WorkList } from "./risk";

const PAGE = 150;

const EMPTY: Record<QueueFilter, string> = {
  standing: "No alert needs attention.",
  open: "No alert is waiting to be acknowledged.",
  acknowledged: "Nothing is being worked on.",
  resolved: "Nothing has been resolved yet.",
  retracted: "No alert has been retracted.",
};

const PANELS: readonly { id: Panel; label: string; hint: string }[] = [
  { id: "alerts", label: "Alerts", hint: "J/K · Enter · A acknowledge · R resolve" },
  { id: "inspect", label: "Inspect first", hint: "J/K · Enter" },
];

/** The side of the page: the alerts, or the trips to inspect first. */
export function Side({ controller }: { controller: Controller }) {
  const panel = useStore(controller.store, (state) => state.panel);
  return (
    <section class="queue" aria-label={panel === "alerts" ? "Alert queue" : "Trips to inspect first"}>
      <h2>
        <span class="panels">
          {PANELS.map(({ id, label }) => (
            <button
              type="button"
              key={id}
              aria-pressed={panel === id}
              data-panel={id}
              onClick={() => controller.store.dispatch({ type: "panel", panel: id })}
            >
              {label}
            </button>
          ))}
        </span>
        <span class="hint">{PANELS.find(({ id }) => id === panel)?.hint}</span>
      </h2>
      {panel === "alerts" ? <Queue controller={controller} /> : <WorkList controller={controller} />}
    </section>
  );
}

function Queue({ controller }: { controller: Controller }) {
  const { store } = controller;
  const incidents = useStore(store, (state) => state.incidents);
  const filter = useStore(store, (state) => state.filter);
  const loaded = useStore(store, (state) => state.loaded);
  const [shown, setShown] = useState(PAGE);
  const list = ordered(incidents, filter);
  const count = counts(incidents);
  return (
    <>
      <fieldset class="filters" aria-label="Show alerts that are">
        {FILTERS.map(({ id, label }) => (
          <button
            type="button"
            key={id}
            aria-pressed={filter === id}
            data-filter={id}
            onClick={() => {
              setShown(PAGE);
              store.dispatch({ type: "filter", filter: id });
            }}
          >
            {label} <b>{count[id]}</b>
          </button>
        ))}
      </fieldset>
      {list.length === 0 ? (
        <p class="empty">{loaded ? EMPTY[filter] : "Loading alerts…"}</p>
      ) : (
        <ul class="queue-list">
          {list.slice(0, shown).map((incident) => (
            <QueueItem key={incident.incident_id} controller={controller} incident={incident} />
          ))}
          {list.length > shown && (
            <li class="more">
              <button type="button" onClick={() => setShown(shown + PAGE)}>
                Show more ({list.length - shown} left)
              </button>
            </li>
          )}
        </ul>
      )}
    </>
  );
}

function QueueItem({ controller, incident }: { controller: Controller; incident: IncidentSummary }) {
  const { store } = controller;
  const here = useStore(store, (state) => state.cursor === incident.incident_id);
  const open = useStore(store, (state) => state.selection?.incidentId === incident.incident_id);
  const classes = ["queue-item", `sev-${incident.severity}`, `is-${incident.state}`];
  if (here) classes.push("here");
  if (open) classes.push("chosen");
  return (
    <li class={classes.join(" ")} data-incident={incident.incident_id} data-state={incident.state}>
      <button
        type="button"
        class="queue-open"
        aria-current={open}
        onClick={() => controller.openIncident(incident)}
        onFocus={() => store.dispatch({ type: "cursor", incidentId: incident.incident_id })}
      >
        <span class="line">
          <span class="severity">
            <SeverityIcon severity={incident.severity} />
            {incident.severity}
          </span>
          <IncidentChip incident={incident} />
        </span>
        <span class="line">
          <b class="title">{incident.title}</b>
          {incident.alerts > 1 && <span class="joined">+{incident.alerts - 1}</span>}
          <LateMark lateByMs={incident.late_by_ms} />
        </span>
        <span class="number">{containerNumber(incident.container_id)}</span>
        <span class="sentence">{incident.sentence}</span>
        <Times controller={controller} incident={incident} />
      </button>
      {incident.state === "open" && (
        <button
          type="button"
          class="quick"
          tabIndex={-1}
          aria-label={`Acknowledge ${incident.title}, ${incident.container_id}`}
          onClick={() => controller.ask("acknowledge", incident.incident_id)}
        >
          Acknowledge
        </button>
      )}
    </li>
  );
}

const CHIPS = {
  open: "Open",
  acknowledged: "Acknowledged",
  resolved: "Resolved",
  retracted: "Retracted",
} as const;

export function IncidentChip({ incident }: { incident: IncidentSummary }) {
  const who = incident.state === "acknowledged" ? incident.last_step?.actor : undefined;
  return (
    <span class={`chip ${incident.state}`}>
      {CHIPS[incident.state]}
      {who && ` · ${who}`}
      {incident.cleared && incident.state !== "retracted" && " · ended"}
    </span>
  );
}

export function LateMark({ lateByMs }: { lateByMs: number }) {
  const words = lateMark(lateByMs);
  return words === null ? null : (
    <span class="late-mark">
      <ClockIcon />
      {words}
    </span>
  );
}

function Times({ controller, incident }: { controller: Controller; incident: IncidentSummary }) {
  const nowMs = useStore(controller.store, (state) => Math.floor(state.nowMs / 5_000) * 5_000);
  return (
    <span class="times">
      <Moment label="Happened" atMs={incident.occurred_at_ms} nowMs={nowMs} />
      <Moment label="Received" atMs={incident.received_at_ms} nowMs={nowMs} />
    </span>
  );
}

export function Moment({ label, atMs, nowMs }: { label: string; atMs: number; nowMs: number }) {
  return (
    <span class="moment">
      <span class="label">{label}</span>
      <time dateTime={new Date(atMs).toISOString()}>{utcNear(atMs, nowMs)}</time>
      <span class="age">{age(atMs, nowMs)}</span>
    </span>
  );
}
