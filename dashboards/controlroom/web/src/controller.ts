/** Ties the parts together: live stream → state and map, people's commands → API. */
import { ApiError, api } from "./api";
import { commandOf, type KeyContext } from "./keyboard";
import { Live } from "./live";
import type { LiveMap } from "./map/live-map";
import { placeOf } from "./map/live-map";
import { noCounts, type Selection, type Theme } from "./state/app";
import { type Container, Fleet, type Status, standingStatus, statusOf } from "./state/fleet";
import { moved, ordered } from "./state/queue";
import type { Store } from "./state/store";
import type { Decision, IncidentSummary } from "./types";

const DRAW_EVERY_MS = 500;
/** A fleet larger than this is drawn every other time: the map's worker indexes all of it anew. */
const LARGE_FLEET = 5_000;
const NOTICE_MS = 6_000;
const SETTLED_MS = 50;
const ACTOR_KEY = "sealtrail.actor";
const THEME_KEY = "sealtrail.theme";

export class Controller {
  readonly fleet = new Fleet();
  #map: LiveMap | null = null;
  #incidents: unknown = null;
  #byContainer = new Map<string, Status>();
  readonly #shown = new Map<string, Status>();
  #notices = 0;
  #search: HTMLInputElement | null = null;
  readonly #live: Live;

  constructor(readonly store: Store) {
    this.#live = new Live({
      state: (state) => {
        this.store.dispatch({ type: "state", state, localNowMs: Date.now() });
        this.fleet.replace(state.containers);
        this.fleet.takeChanged();
        this.#drawAll();
      },
      positions: (columns) => this.fleet.merge(columns),
      incident: (incident) => this.store.dispatch({ type: "incident", incident }),
      trip: (trip) => this.store.dispatch({ type: "trip", trip }),
      tripRemoved: (tripId) => this.store.dispatch({ type: "trip_removed", tripId }),
      stats: (stats) => this.store.dispatch({ type: "stats", stats, localNowMs: Date.now() }),
      connection: (connection, detail) => this.store.dispatch({ type: "connection", connection, detail }),
    });
  }

  start(): void {
    void this.#live.start();
    let turn = 0;
    setInterval(() => {
      turn += 1;
      if (turn % 2 === 0 || this.fleet.containers.size < LARGE_FLEET) this.#draw();
    }, DRAW_EVERY_MS);
    setInterval(() => this.store.dispatch({ type: "tick", localNowMs: Date.now() }), 1_000);
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  set map(map: LiveMap) {
    this.#map = map;
    this.#drawAll();
  }

  set search(input: HTMLInputElement | null) {
    this.#search = input;
  }

  get map(): LiveMap | null {
    return this.#map;
  }

  statusOf(container: Container): Status {
    const { nowMs, ages } = this.store.state;
    return statusOf(container, this.#byContainer.get(container.id), nowMs, ages);
  }

  open(selection: Selection | null): void {
    this.store.dispatch({ type: "select", selection });
  }

  openIncident(incident: IncidentSummary): void {
    this.open({ containerId: incident.container_id, incidentId: incident.incident_id });
  }

  /** Opens the container with its worst standing incident, if it has one. */
  openContainer(containerId: string): void {
    const own = ordered(this.store.state.incidents, "standing").find(
      (incident) => incident.container_id === containerId,
    );
    this.open({ containerId, incidentId: own?.incident_id ?? null });
  }

  /** Opens a container for the sake of its trip: with the worst standing incident of that trip, if any. */
  openTrip(containerId: string, tripId: string): void {
    const own = ordered(this.store.state.incidents, "standing").find((one) => one.trip_id === tripId);
    this.open({ containerId, incidentId: own?.incident_id ?? null });
  }

  fitAll(): void {
    const places = [...this.fleet.containers.values()].map(placeOf).filter((one) => one !== null);
    this.#map?.fit(places, 6);
  }

  /** Asks for what is missing (name, reason), else decides at once. */
  ask(decision: Decision, incidentId: string | null): void {
    const incident = incidentId === null ? undefined : this.store.state.incidents.get(incidentId);
    if (!incident) return;
    const standing = incident.state === "open" || incident.state === "acknowledged";
    if (decision === "acknowledge" && incident.state !== "open") return;
    if (decision === "resolve" && !standing) return;
    if (decision === "acknowledge" && this.store.state.actor !== "") {
      void this.decide(decision, incident.incident_id, this.store.state.actor, "");
      return;
    }
    this.store.dispatch({
      type: "dialog",
      dialog: { kind: "decide", decision, incidentId: incident.incident_id },
    });
  }

  /** Whether the server has taken the decision. */
  async decide(decision: Decision, incidentId: string, actor: string, reason: string): Promise<boolean> {
    try {
      const incident = await api.decide(incidentId, decision, actor, reason);
      this.store.dispatch({ type: "incident", incident });
      this.notify("done", `${incident.title}, ${incident.container_id}: ${incident.state}.`);
      // Its item has moved in the queue, and browsers drop the focus of what is moved.
      setTimeout(() => {
        if (document.activeElement === document.body) focusItem(incidentId);
      }, SETTLED_MS);
      return true;
    } catch (error) {
      this.notify("failed", error instanceof ApiError ? error.message : String(error));
      return false;
    }
  }

  setActor(actor: string): void {
    remember(ACTOR_KEY, actor);
    this.store.dispatch({ type: "actor", actor });
  }

  toggleTheme(): void {
    const theme: Theme = this.store.state.theme === "dark" ? "light" : "dark";
    remember(THEME_KEY, theme);
    document.documentElement.dataset.theme = theme;
    this.store.dispatch({ type: "theme", theme });
    this.#map?.setTheme();
  }

  notify(kind: "done" | "failed", text: string): void {
    const id = ++this.#notices;
    this.store.dispatch({ type: "notice", notice: { id, kind, text } });
    setTimeout(() => this.store.dispatch({ type: "notice_gone", id }), NOTICE_MS);
  }

  #drawAll(): void {
    this.#shown.clear();
    this.#refreshIncidents();
    const all: (readonly [Container, Status])[] = [];
    for (const container of this.fleet.containers.values()) {
      const status = this.statusOf(container);
      this.#shown.set(container.id, status);
      all.push([container, status]);
    }
    this.#map?.replace(all);
    this.#count();
  }

  #draw(): void {
    this.#refreshIncidents();
    const moved = new Set(this.fleet.takeChanged());
    const changed: (readonly [Container, Status])[] = [];
    for (const container of this.fleet.containers.values()) {
      const status = this.statusOf(container);
      if (!moved.has(container.id) && this.#shown.get(container.id) === status) continue;
      this.#shown.set(container.id, status);
      changed.push([container, status]);
    }
    if (changed.length === 0) return;
    this.#map?.update(changed);
    this.#count();
    const chosen = this.store.state.selection?.containerId;
    if (chosen !== undefined && moved.has(chosen)) {
      this.#map?.select(this.fleet.containers.get(chosen) ?? null);
    }
  }

  #refreshIncidents(): void {
    const { incidents } = this.store.state;
    if (incidents === this.#incidents) return;
    this.#incidents = incidents;
    this.#byContainer = standingStatus(incidents.values());
  }

  #count(): void {
    const counts = noCounts();
    for (const status of this.#shown.values()) counts[status] += 1;
    this.store.dispatch({ type: "status_counts", counts });
  }

  #key(event: KeyboardEvent): void {
    if (this.store.state.dialog !== null) return; // a dialog handles its own keys
    const command = commandOf(contextOf(event));
    if (command === null) return;
    event.preventDefault();
    const { cursor, filter, incidents, selection } = this.store.state;
    switch (command) {
      case "next":
      case "previous": {
        if (this.store.state.panel === "inspect") {
          focusBeside(command === "next" ? 1 : -1);
          break;
        }
        const incidentId = moved(ordered(incidents, filter), cursor, command === "next" ? 1 : -1);
        this.store.dispatch({ type: "cursor", incidentId });
        focusItem(incidentId);
        break;
      }
      case "open": {
        const incident = incidents.get(cursor ?? "");
        if (incident) this.openIncident(incident);
        break;
      }
      case "acknowledge":
      case "resolve":
        // In the drawer its own incident is meant, also while the cursor stands on another one.
        this.ask(command, (inDrawer(event) ? null : cursor) ?? selection?.incidentId ?? null);
        break;
      case "close":
        this.open(null);
        break;
      case "search":
        this.#search?.focus();
        break;
      case "help":
        this.store.dispatch({ type: "dialog", dialog: { kind: "help" } });
        break;
      case "theme":
        this.toggleTheme();
        break;
      case "fit":
        this.fitAll();
        break;
    }
  }
}

function inDrawer(event: KeyboardEvent): boolean {
  return event.target instanceof Element && event.target.closest(".drawer") !== null;
}

function focusItem(incidentId: string | null): void {
  document.querySelector<HTMLElement>(`[data-incident="${incidentId}"] .queue-open`)?.focus();
}

/** Moves the focus in the list of trips; from elsewhere it goes to its first or last line. */
function focusBeside(by: 1 | -1): void {
  const lines = [...document.querySelectorAll<HTMLElement>(".work-item button")];
  const at = lines.indexOf(document.activeElement as HTMLElement);
  const next = at < 0 ? (by > 0 ? 0 : lines.length - 1) : Math.min(Math.max(at + by, 0), lines.length - 1);
  lines[next]?.focus();
}

function contextOf(event: KeyboardEvent): KeyContext {
  const target = event.target instanceof HTMLElement ? event.target : document.body;
  return {
    key: event.key,
    modified: event.ctrlKey || event.metaKey || event.altKey,
    typing: target.matches("input, textarea, select, [contenteditable]"),
    target: target.matches("canvas")
      ? "map"
      : target.closest(".queue-item")
        ? "queue"
        : target.matches("button, a, [role=tab]")
          ? "control"
          : "page",
  };
}

export function savedActor(): string {
  return recall(ACTOR_KEY) ?? "";
}

/** What was chosen here before, else what the system prefers. */
export function savedTheme(): Theme {
  const saved = recall(THEME_KEY);
  if (saved === "dark" || saved === "light") return saved;
  return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

/** Storage may be refused (private windows, policies); the page works without. */
function recall(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // The choice holds until the page is closed.
  }
}
