import { describe, expect, it } from "vitest";
import { initial, reduce, tripOf, tripState } from "../src/state/app";
import type { State, TripSummary } from "../src/types";
import { columns, incident } from "./incidents";

const trip = (id: string, departs: number | null): TripSummary => ({
  trip_id: id,
  container_id: "MSKU1234565",
  departs_at_ms: departs,
  arrives_at_ms: 9_000,
  origin: "Rotterdam",
  destination: "",
});

const state: State = {
  cursor: "run-1",
  server_time_ms: 100_000,
  late_after_s: 60,
  silent_after_s: 600,
  stats: {
    server_time_ms: 100_000,
    reports_per_s: 1,
    containers: 1,
    viewers: 1,
    feed_connected: true,
    feed_error: "",
  },
  containers: columns([["MSKU1234565", 1]]),
  incidents: [incident("a")],
  trips: [trip("T-1", 1)],
};

describe("the page's state", () => {
  const before = initial("", "dark", 40_000);
  const loaded = reduce(before, { type: "state", state, localNowMs: 40_000 });

  it("follows the server's clock, not the browser's", () => {
    expect(loaded.nowMs).toBe(100_000);
    expect(reduce(loaded, { type: "tick", localNowMs: 41_000 }).nowMs).toBe(101_000);
  });

  it("replaces incidents and trips on a new state, so that a resync leaves nothing stale", () => {
    const again = reduce(loaded, {
      type: "state",
      state: { ...state, incidents: [incident("b")], trips: [] },
      localNowMs: 0,
    });
    expect([...again.incidents.keys()]).toEqual(["b"]);
    expect(again.trips.size).toBe(0);
  });

  it("takes an incident in and says aloud that it is new", () => {
    const next = reduce(loaded, { type: "incident", incident: incident("b") });
    expect(next.incidents.size).toBe(2);
    expect(next.announced).toContain("New critical alert: Seal cut");
    expect(loaded.incidents.size).toBe(1);
  });

  it("takes the cursor out of a queue that is out of sight, but keeps what is shown in the drawer", () => {
    const marked = reduce(loaded, { type: "cursor", incidentId: "a" });
    expect(reduce(marked, { type: "panel", panel: "inspect" }).cursor).toBeNull();
    const shown = reduce(marked, {
      type: "select",
      selection: { containerId: "MSKU1234565", incidentId: "a" },
    });
    expect(reduce(shown, { type: "panel", panel: "inspect" }).cursor).toBe("a");
  });

  it("hides and shows a state of containers by turns", () => {
    const hidden = reduce(loaded, { type: "toggle_status", status: "ok" });
    expect(hidden.hidden.has("ok")).toBe(true);
    expect(reduce(hidden, { type: "toggle_status", status: "ok" }).hidden.size).toBe(0);
  });

  it("puts the queue's cursor on the incident that is opened", () => {
    const opened = reduce(loaded, {
      type: "select",
      selection: { containerId: "MSKU1234565", incidentId: "a" },
    });
    expect(opened.cursor).toBe("a");
    expect(reduce(opened, { type: "select", selection: null }).cursor).toBe("a");
  });

  it("has no cursor while a container without an incident is shown", () => {
    const opened = reduce(loaded, { type: "cursor", incidentId: "a" });
    const other = { containerId: "MSKU9070323", incidentId: null };
    expect(reduce(opened, { type: "select", selection: other }).cursor).toBeNull();
  });

  it("keeps at most three notices", () => {
    let next = loaded;
    for (let id = 0; id < 5; id++) {
      next = reduce(next, { type: "notice", notice: { id, kind: "done", text: "" } });
    }
    expect(next.notices.map((one) => one.id)).toEqual([2, 3, 4]);
  });

  it("takes a container's newest trip for its trip", () => {
    const trips = new Map(
      [trip("old", 1), trip("new", 5), trip("unplanned", null)].map((one) => [one.trip_id, one]),
    );
    expect(tripOf(trips, "MSKU1234565")?.trip_id).toBe("new");
    expect(tripOf(trips, "OTHER")).toBeNull();
  });

  it("tells planned, under way, overdue and ended apart", () => {
    expect(tripState(trip("t", 50), [], 10)).toBe("planned");
    expect(tripState(trip("t", 50), [], 60)).toBe("under way");
    expect(tripState(trip("t", 50), [], 9_001)).toBe("overdue");
    expect(tripState(trip("t", 50), ["TRIP_ENDED"], 9_001)).toBe("ended");
  });
});
