import { describe, expect, it } from "vitest";
import { Fleet, standingStatus, statusOf } from "../src/state/fleet";
import { columns, incident } from "./incidents";

const ages = { lateAfterMs: 100, silentAfterMs: 1_000 };

describe("the fleet", () => {
  it("keeps the newest row of each container and says which changed", () => {
    const fleet = new Fleet();
    fleet.replace(columns([["A", 1], ["B", 1]])); // biome-ignore format: one table
    fleet.takeChanged();
    fleet.merge(columns([["B", 2]]));
    expect(fleet.takeChanged()).toEqual(["B"]);
    expect(fleet.takeChanged()).toEqual([]);
    expect(fleet.containers.get("B")?.occurredAtMs).toBe(2);
  });

  it("shows an incident before the age, and the age as late, then silent", () => {
    const fleet = new Fleet();
    fleet.merge(columns([["A", 0]]));
    const container = fleet.containers.get("A");
    if (!container) throw new Error("merged above");
    expect(statusOf(container, undefined, 100, ages)).toBe("ok");
    expect(statusOf(container, undefined, 101, ages)).toBe("late");
    expect(statusOf(container, undefined, 1_001, ages)).toBe("silent");
    expect(statusOf(container, "high", 1_001, ages)).toBe("high");
  });

  it("colours a container by its worst standing incident; closed ones don't count", () => {
    const found = standingStatus([
      incident("1", { state: "acknowledged" }),
      incident("2", { severity: "medium" }),
      incident("3", { severity: "high" }),
      incident("4", { container_id: "B", state: "resolved" }),
    ]);
    expect(found.get("MSKU1234565")).toBe("high");
    expect(found.has("B")).toBe(false);
  });

  it("finds numbers as people type them, those that begin with the text first", () => {
    const fleet = new Fleet();
    fleet.merge(columns([["XMSKU1", 1], ["MSKU1234565", 1], ["TGHU1", 1]])); // biome-ignore format: one table
    expect(fleet.search("msku 1", 5).map((one) => one.id)).toEqual(["MSKU1234565", "XMSKU1"]);
    expect(fleet.search("  ", 5)).toEqual([]);
    expect(fleet.search("msku1", 1)).toHaveLength(1);
  });
});
