/** The live stream: loads the state, follows the events, starts afresh when told to or when cut off. */
import { ApiError, api } from "./api";
import type { IncidentSummary, PositionColumns, State, Stats, TripSummary } from "./types";

export type Connection = "connecting" | "live" | "reconnecting";

export interface LiveHandlers {
  state(state: State): void;
  positions(columns: PositionColumns): void;
  incident(incident: IncidentSummary): void;
  trip(trip: TripSummary): void;
  tripRemoved(tripId: string): void;
  stats(stats: Stats): void;
  connection(connection: Connection, detail: string): void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** Stats come every few seconds; a stream that is quiet for this long is dead, whatever the socket says. */
const QUIET_MS = 30_000;

export class Live {
  #source: EventSource | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #watchdog: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly handlers: LiveHandlers) {}

  async start(): Promise<void> {
    this.#stop();
    try {
      const state = await api.state();
      this.handlers.state(state);
      this.#follow(state.cursor);
    } catch (error) {
      this.#again(error instanceof ApiError ? error.message : String(error));
    }
  }

  #follow(cursor: string): void {
    const source = new EventSource(`/api/events?after=${encodeURIComponent(cursor)}`);
    this.#source = source;
    const on = <T>(name: string, handle: (data: T) => void) =>
      source.addEventListener(name, (event) => {
        this.#alive();
        handle(JSON.parse((event as MessageEvent<string>).data) as T);
      });
    source.onopen = () => {
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#alive();
      this.handlers.connection("live", "");
    };
    source.onerror = () => {
      // EventSource reconnects by itself unless the server refused it.
      if (source.readyState === EventSource.CLOSED) this.#again("The live stream was refused.");
      else this.handlers.connection("reconnecting", "The live stream was interrupted.");
    };
    on<PositionColumns>("positions", this.handlers.positions);
    on<IncidentSummary>("incident", this.handlers.incident);
    on<TripSummary>("trip", this.handlers.trip);
    on<{ trip_id: string }>("trip_removed", (gone) => this.handlers.tripRemoved(gone.trip_id));
    on<Stats>("stats", this.handlers.stats);
    on("resync", () => void this.start());
  }

  #alive(): void {
    if (this.#watchdog !== null) clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#again("The live stream fell silent."), QUIET_MS);
  }

  #again(detail: string): void {
    this.#stop();
    this.handlers.connection("reconnecting", detail);
    this.#retry = setTimeout(() => void this.start(), this.#pauseMs * (0.5 + Math.random() / 2));
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  #stop(): void {
    this.#source?.close();
    this.#source = null;
    if (this.#retry !== null) clearTimeout(this.#retry);
    if (this.#watchdog !== null) clearTimeout(this.#watchdog);
    this.#retry = null;
    this.#watchdog = null;
  }
}
