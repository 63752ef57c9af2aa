/** Which trips to inspect first, and what makes the score of one. */
import { useState } from "preact/hooks";
import { ApiError, api } from "../api";
import type { Controller } from "../controller";
import { containerNumber, whole, words } from "../format";
import { useStore } from "../state/store";
import type { TripRisk } from "../types";
import { useLoaded, useVersion } from "./use-loaded";

const REFRESH_MS = 10_000;
const PAGE = 50;
const MOST = 1_000;
const SHOWN_REASONS = 2;
const HIGHEST = 100;

/** From which score on a trip is marked; the figures themselves are settings of the server. */
const BANDS = [
  { from: 60, band: "critical" },
  { from: 30, band: "high" },
  { from: 10, band: "medium" },
] as const;

const UNKNOWN: Record<string, string> = {
  record: "The record doesn't answer: places count nothing.",
  devices: "The record doesn't answer: lost reports count nothing.",
};

export function bandOf(score: number): string {
  return BANDS.find(({ from }) => score >= from)?.band ?? "low";
}

/** The work list: trips of the highest scores. */
export function WorkList({ controller }: { controller: Controller }) {
  const version = useVersion(REFRESH_MS);
  const [shown, setShown] = useState(PAGE);
  const list = useLoaded(`risk ${shown}`, version, () => api.workList(Math.min(shown, MOST)));
  const chosen = useStore(controller.store, (state) => state.selection?.containerId ?? null);
  if (list.data === null) {
    return (
      <p class={list.error === null ? "empty" : "empty failed"}>
        {list.error === null ? "Loading trips…" : `The list can't be loaded. ${list.error}`}
      </p>
    );
  }
  const { risks, trips, unknown } = list.data;
  const calm = trips - risks.length;
  return (
    <>
      {(list.error !== null || unknown.length > 0) && (
        <p class="remark" role="status">
          {list.error !== null && `The list is old. ${list.error} `}
          {unknown.map((name) => UNKNOWN[name] ?? name).join(" ")}
        </p>
      )}
      {risks.length === 0 && <p class="empty">No trip is under way.</p>}
      <ul class="queue-list" data-testid="work-list">
        {risks.map((risk) => (
          <li
            key={risk.trip_id}
            class={`work-item sev-${bandOf(risk.score)}${risk.container_id === chosen ? " chosen" : ""}`}
            data-trip={risk.trip_id}
          >
            <button type="button" onClick={() => controller.openTrip(risk.container_id, risk.trip_id)}>
              <Score risk={risk} />
              <span class="number">{containerNumber(risk.container_id)}</span>
              <span class="lane">{lane(risk)}</span>
              <span class="reasons">
                {risk.parts.slice(0, SHOWN_REASONS).map((part) => (
                  <span key={part.name}>{part.reason}</span>
                ))}
                {risk.parts.length === 0 && <span>Nothing speaks for an inspection.</span>}
                {risk.parts.length > SHOWN_REASONS && <em>+{risk.parts.length - SHOWN_REASONS} more</em>}
              </span>
            </button>
          </li>
        ))}
        {calm > 0 && (
          <li class="more">
            {shown < MOST ? (
              <button type="button" onClick={() => setShown(shown + PAGE)}>
                Show more ({whole(calm)} left)
              </button>
            ) : (
              <p class="empty">{whole(calm)} more trips have lower scores.</p>
            )}
          </li>
        )}
      </ul>
    </>
  );
}

function Score({ risk }: { risk: TripRisk }) {
  return (
    <span class="score">
      <span class="for-readers">Risk </span>
      <b>{risk.score}</b>
    </span>
  );
}

function lane(risk: TripRisk): string {
  return risk.origin && risk.destination ? `${risk.origin} → ${risk.destination}` : risk.trip_id;
}

/** What makes the score of one trip; nothing where it has ended or none is planned. */
export function RiskBlock({
  tripId,
  version,
  changed,
}: {
  tripId: string;
  version: number;
  changed: string;
}) {
  const loaded = useLoaded(`risk of ${tripId} ${changed}`, version, () => riskIfUnderWay(tripId));
  if (loaded.error !== null) return <p class="empty failed">The risk can't be loaded. {loaded.error}</p>;
  if (loaded.data === null) return null;
  return <Parts risk={loaded.data} />;
}

async function riskIfUnderWay(tripId: string): Promise<TripRisk | null> {
  if (tripId === "") return null;
  try {
    return await api.risk(tripId);
  } catch (error) {
    if (error instanceof ApiError && error.problem === "unknown_trip") return null;
    throw error;
  }
}

function Parts({ risk }: { risk: TripRisk }) {
  return (
    <section class={`block risk sev-${bandOf(risk.score)}`} aria-label="Risk" data-testid="risk">
      <div class="block-head">
        <h3>
          Risk <b class="figure">{risk.score}</b>
        </h3>
        <span class="hint">of {HIGHEST}</span>
      </div>
      {risk.parts.length === 0 && <p class="empty">Nothing speaks for an inspection.</p>}
      <ul>
        {risk.parts.map((part) => (
          <li key={part.name} data-part={part.name}>
            <b>{words(part.name)}</b>
            <span class="points">+{part.points}</span>
            <progress value={part.points} max={HIGHEST} aria-hidden="true" />
            <span class="reason">{part.reason}</span>
          </li>
        ))}
      </ul>
      {risk.points > HIGHEST + 0.5 && (
        <p class="hint">
          The parts add up to {risk.points}; {HIGHEST} is the most.
        </p>
      )}
    </section>
  );
}
