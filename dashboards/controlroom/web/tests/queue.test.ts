import { describe, expect, it } from "vitest";
import { announcement, counts, moved, ordered } from "../src/state/queue";
import { incident } from "./incidents";

const ids = (list: { incident_id: string }[]) => list.map((one) => one.incident_id).join("");
const all = new Map(
  [
    incident("a", { severity: "medium", received_at_ms: 5 }),
    incident("b", { severity: "critical", received_at_ms: 1 }),
    incident("c", { severity: "critical", received_at_ms: 2 }),
    incident("d", { severity: "critical", state: "acknowledged" }),
    incident("e", { state: "resolved", last_step: { at_ms: 1, actor: "x", action: "resolved", reason: "" } }),
    incident("f", { state: "resolved", last_step: { at_ms: 2, actor: "x", action: "resolved", reason: "" } }),
  ].map((one) => [one.incident_id, one]),
);

describe("the alert queue", () => {
  it("puts open before acknowledged, severe before mild, then the newest receipt", () => {
    expect(ids(ordered(all, "standing"))).toBe("cbad");
  });

  it("puts what was closed last first", () => {
    expect(ids(ordered(all, "resolved"))).toBe("fe");
  });

  it("counts each state, and what stands as open plus acknowledged", () => {
    expect(counts(all)).toEqual({ standing: 4, open: 3, acknowledged: 1, resolved: 2, retracted: 0 });
  });

  it("moves the cursor to the ends from nowhere and stops at both ends", () => {
    const list = ordered(all, "standing");
    expect(moved(list, null, 1)).toBe("c");
    expect(moved(list, null, -1)).toBe("d");
    expect(moved(list, "c", -1)).toBe("c");
    expect(moved(list, "a", 1)).toBe("d");
    expect(moved([], "a", 1)).toBeNull();
  });

  it("announces what is new, worse, back or wrong, and nothing else", () => {
    const open = incident("x", { severity: "high" });
    expect(announcement(undefined, open)).toContain("New high alert");
    expect(announcement(undefined, incident("x", { state: "resolved" }))).toBeNull();
    expect(announcement(open, incident("x", { severity: "critical" }))).toContain("Now critical");
    expect(announcement(open, open)).toBeNull();
    expect(announcement(incident("x", { state: "resolved" }), open)).toContain("Reopened");
    expect(announcement(open, incident("x", { state: "retracted" }))).toContain("Retracted");
  });
});
