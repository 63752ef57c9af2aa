/** The trip drawer: everything about one container, its trip and its chosen incident. */
import { useEffect } from "preact/hooks";
import { ApiError, api } from "../api";
import type { Controller } from "../controller";
import { age, containerNumber, distance, FIX_KINDS, place, SEAL_STATES, utc } from "../format";
import { zoomFor } from "../map/geometry";
import { placeOf } from "../map/live-map";
import { tripOf, tripState } from "../state/app";
import { STATUS_LABELS } from "../state/fleet";
import { useStore } from "../state/store";
import type { Alert, TripDetail, TripPlan } from "../types";
import { CustodyLog, SealReports } from "./custody";
import { CloseIcon } from "./icons";
import { IncidentBlock } from "./incident-block";
import { SensorPlot } from "./plot";
import { RiskBlock } from "./risk";
import { useLoaded, useVersion } from "./use-loaded";

const REFRESH_MS = 10_000;
const HOUR_MS = 3_600_000;
const WITHOUT_PLAN_MS = 72 * HOUR_MS;
const BEFORE_DEPARTURE_MS = 6 * HOUR_MS;
const LONGEST_MS = 120 * 24 * HOUR_MS;
const NEAREST_ZOOM = 10;
const BAND_PX = 280;
const NO_ALERTS: readonly Alert[] = [];

export function Drawer({ controller }: { controller: Controller }) {
  const selection = useStore(controller.store, (state) => state.selection);
  if (selection === null) return null;
  return (
    <ContainerDrawer
      key={selection.containerId}
      controller={controller}
      containerId={selection.containerId}
    />
  );
}

function ContainerDrawer({ controller, containerId }: { controller: Controller; containerId: string }) {
  const { store } = controller;
  const incidentId = useStore(store, (state) => state.selection?.incidentId ?? null);
  const incident = useStore(store, (state) => state.incidents.get(incidentId ?? ""));
  const summary = useStore(store, (state) => {
    const own = incident && state.trips.get(incident.trip_id);
    return own ?? tripOf(state.trips, containerId);
  });
  const version = useVersion(REFRESH_MS);
  const nowMs = store.state.nowMs;
  const sinceMs = Math.max(
    Math.min(
      summary?.departs_at_ms ? summary.departs_at_ms - BEFORE_DEPARTURE_MS : nowMs - WITHOUT_PLAN_MS,
      incident ? incident.occurred_at_ms - BEFORE_DEPARTURE_MS : nowMs,
    ),
    nowMs - LONGEST_MS,
  );
  const since = Math.floor(Math.min(sinceMs, nowMs - HOUR_MS) / HOUR_MS) * HOUR_MS;
  const until = nowMs + 60_000;
  const tripId = incident?.trip_id || (summary?.trip_id ?? "");

  const trip = useLoaded(tripId, version, () => tripIfKept(tripId));
  const track = useLoaded(`${containerId}/${since}`, version, () => api.track(containerId, since, until));
  const seals = useLoaded(`${containerId}/${since}`, version, () => api.seals(containerId, since, until));
  // A change of the incident (evidence joined, somebody decided) shows in its last step.
  const changed = `${incident?.last_step?.at_ms} ${incident?.alerts} ${incident?.state}`;
  const detail = useLoaded(`${incidentId}/${changed}`, 0, async () =>
    incidentId === null ? null : api.incident(incidentId),
  );

  const plan = trip.data?.trip ?? null;
  const alerts = detail.data?.alert_list ?? NO_ALERTS;
  useDrawn(controller, containerId, plan, track.data, alerts);
  useFramed(controller, containerId, incidentId, plan, track.data !== null);

  const status = controller.fleet.containers.get(containerId);
  return (
    <aside class="drawer" aria-label={`Container ${containerId}`} data-testid="drawer">
      <header>
        <div>
          <h2 class="number">{containerNumber(containerId)}</h2>
          {status && (
            <p class="status">
              <i class={`dot ${controller.statusOf(status)}`} aria-hidden="true" />
              {STATUS_LABELS[controller.statusOf(status)]}
            </p>
          )}
        </div>
        <button
          type="button"
          class="tool"
          aria-label="Close the drawer"
          title="Close (Esc)"
          onClick={() => controller.open(null)}
        >
          <CloseIcon />
        </button>
      </header>
      <div class="drawer-body">
        {incident && <IncidentBlock controller={controller} incident={incident} detail={detail} />}
        {trip.error !== null && <p class="empty failed">The trip can't be loaded. {trip.error}</p>}
        <TripFacts
          controller={controller}
          containerId={containerId}
          tripId={tripId}
          plan={plan}
          custodyTypes={trip.data?.custody.map((event) => event.type) ?? []}
        />
        <RiskBlock tripId={tripId} version={version} changed={changed} />
        {track.error !== null && <p class="empty failed">The track can't be loaded. {track.error}</p>}
        <SensorPlot
          controller={controller}
          containerId={containerId}
          sinceMs={since}
          untilMs={until}
          version={version}
          alerts={alerts}
        />
        <SealReports seals={seals} nowMs={nowMs} />
        <CustodyLog trip={trip} history={detail.data?.history ?? []} nowMs={nowMs} />
      </div>
    </aside>
  );
}

/** The trip; null where there is none, or where it ended so long ago that its plan isn't kept. */
async function tripIfKept(tripId: string): Promise<TripDetail | null> {
  if (tripId === "") return null;
  try {
    return await api.trip(tripId);
  } catch (error) {
    if (error instanceof ApiError && error.problem === "unknown_trip") return null;
    throw error;
  }
}

/** Keeps the selection drawn on the map, and takes it away at the end. */
function useDrawn(
  controller: Controller,
  containerId: string,
  plan: TripPlan | null,
  track: Awaited<ReturnType<typeof api.track>> | null,
  alerts: readonly Alert[],
): void {
  const { map } = controller;
  useEffect(() => map?.showPlan(plan), [map, plan]);
  useEffect(() => map?.showTrack(track), [map, track]);
  useEffect(() => map?.showAlerts(alerts, alerts[0]?.alert_id ?? null), [map, alerts]);
  useEffect(() => {
    map?.select(controller.fleet.containers.get(containerId) ?? null);
    return () => {
      map?.select(null);
      map?.showPlan(null);
      map?.showTrack(null);
      map?.showAlerts([], null);
    };
  }, [controller, map, containerId]);
}

/** Brings the place of the alert and the container into view, once for each selection. */
function useFramed(
  controller: Controller,
  containerId: string,
  incidentId: string | null,
  plan: TripPlan | null,
  loaded: boolean,
): void {
  useEffect(() => {
    if (!loaded) return;
    const container = controller.fleet.containers.get(containerId);
    const incident = controller.store.state.incidents.get(incidentId ?? "");
    const places = [container && placeOf(container)].filter((one) => one != null);
    if (incident?.longitude_deg != null && incident.latitude_deg != null) {
      places.push([incident.longitude_deg, incident.latitude_deg]);
    } else if (plan?.corridor) {
      places.push(...plan.corridor.coordinates);
    }
    controller.map?.fit(places, nearestZoom(plan, places[0]?.[1] ?? 0));
  }, [controller, containerId, incidentId, loaded, plan === null]);
}

/** Near enough for a street, but never so near that the corridor's edges are out of sight. */
function nearestZoom(plan: TripPlan | null, latitudeDeg: number): number {
  const halfWidthM = Math.max(0, ...(plan?.corridor?.half_width_m ?? []));
  return halfWidthM === 0
    ? NEAREST_ZOOM
    : Math.min(NEAREST_ZOOM, zoomFor(2 * halfWidthM, BAND_PX, latitudeDeg));
}

function TripFacts({
  controller,
  containerId,
  tripId,
  plan,
  custodyTypes,
}: {
  controller: Controller;
  containerId: string;
  tripId: string;
  plan: TripPlan | null;
  custodyTypes: readonly string[];
}) {
  const nowMs = useStore(controller.store, (state) => Math.floor(state.nowMs / 5_000) * 5_000);
  const container = controller.fleet.containers.get(containerId);
  return (
    <section class="block" aria-label="Trip" data-testid="trip">
      <div class="block-head">
        <h3>Trip</h3>
        {plan && <span class="chip">{tripState(plan, custodyTypes, nowMs)}</span>}
      </div>
      {plan?.origin && plan.destination && (
        <p class="way">
          <b>{plan.origin.name}</b>
          <span aria-hidden="true">→</span>
          <span class="for-readers">to</span>
          <b>{plan.destination.name}</b>
        </p>
      )}
      <dl class="facts">
        {plan ? (
          <>
            <Fact name="Trip">
              <span class="number">{plan.trip_id}</span>
            </Fact>
            {plan.departs_at_ms !== null && <Fact name="Departs">{utc(plan.departs_at_ms)}</Fact>}
            {plan.arrives_at_ms !== null && (
              <Fact name="Arrives">
                {utc(plan.arrives_at_ms)} <em>{age(plan.arrives_at_ms, nowMs)}</em>
              </Fact>
            )}
            {plan.corridor && <Fact name="Corridor">{widths(plan.corridor.half_width_m)}</Fact>}
            {plan.seal_numbers.length > 0 && (
              <Fact name="Seal no.">
                <span class="number">{plan.seal_numbers.join(", ")}</span>
              </Fact>
            )}
            {plan.authorisations.map((permit) => (
              <Fact key={permit.authorisation_id} name="May open">
                {permit.place?.name ?? "anywhere"}, {utc(permit.valid_from_ms)} – {utc(permit.valid_until_ms)}
                <em>by {permit.granted_by}</em>
              </Fact>
            ))}
          </>
        ) : (
          <Fact name="Trip">{tripId === "" ? "none planned" : `${tripId}, ended`}</Fact>
        )}
        {container && (
          <>
            <Fact name="Last report">
              {utc(container.occurredAtMs)} <em>{age(container.occurredAtMs, nowMs)}</em>
            </Fact>
            <Fact name="Position">
              {container.latitudeDeg !== null && container.longitudeDeg !== null ? (
                <>
                  {place(container.latitudeDeg, container.longitudeDeg)}{" "}
                  <em>
                    {FIX_KINDS[container.fixKind] ?? ""}
                    {container.accuracyM !== null && ` ±${distance(container.accuracyM)}`}
                    {container.speedKmh !== null && ` · ${Math.round(container.speedKmh)} km/h`}
                  </em>
                </>
              ) : (
                "never reported"
              )}
            </Fact>
            <Fact name="Seal">
              <span class={`seal-state ${SEAL_STATES[container.sealState]}`}>
                {SEAL_STATES[container.sealState] ?? "unknown"}
              </span>
              {container.batteryPct !== null && <em>battery {Math.round(container.batteryPct)} %</em>}
            </Fact>
            <Fact name="Device">
              <span class="number">{plan?.device_ids.join(", ") || container.deviceId}</span>
            </Fact>
          </>
        )}
      </dl>
    </section>
  );
}

function widths(halfWidthsM: readonly number[]): string {
  const low = Math.min(...halfWidthsM);
  const high = Math.max(...halfWidthsM);
  return low === high ? `±${distance(low)}` : `±${distance(low)} to ±${distance(high)}`;
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
