import { describe, expect, it } from "vitest";
import * as format from "../src/format";

const AT = Date.UTC(2026, 10, 23, 4, 3, 9);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe("words and figures", () => {
  it("writes times in UTC with seconds, with the date only where the day differs", () => {
    expect(format.utc(AT)).toBe("2026-11-23 04:03:09");
    expect(format.utcNear(AT, AT + HOUR)).toBe("04:03:09");
    expect(format.utcNear(AT, AT + 24 * HOUR)).toBe("23 Nov 04:03:09");
    expect(format.utcNear(AT, AT + 400 * 24 * HOUR)).toBe("23 Nov 2026 04:03:09");
  });

  it("writes durations in two units at most", () => {
    expect(format.duration(45_400)).toBe("45 s");
    expect(format.duration(12 * MINUTE)).toBe("12 min");
    expect(format.duration(4 * HOUR + 5 * MINUTE)).toBe("4 h 5 min");
    expect(format.duration(50 * HOUR)).toBe("2 d 2 h");
    expect(format.duration(-5)).toBe("0 s");
  });

  it("says how old something is, and that something is still to come", () => {
    expect(format.age(AT, AT + 2_000)).toBe("now");
    expect(format.age(AT, AT + 12 * MINUTE)).toBe("12 min ago");
    expect(format.age(AT + 3 * HOUR, AT)).toBe("in 3 h");
  });

  it("marks what came late, and only that", () => {
    expect(format.lateMark(4 * MINUTE)).toBeNull();
    expect(format.lateMark(7 * MINUTE)).toBe("late by 7 min");
    expect(format.lateMark(3 * HOUR + 57 * MINUTE)).toBe("late by 4 h");
  });

  it("writes places with their hemisphere and numbers as ISO 6346 prints them", () => {
    expect(format.place(-4.05, 39.66)).toBe("4.0500° S 39.6600° E");
    expect(format.containerNumber("MSKU1234565")).toBe("MSKU 123456 5");
    expect(format.containerNumber("jt701-1")).toBe("jt701-1");
  });

  it("groups thousands and picks metres or kilometres", () => {
    expect(format.whole(20_000)).toBe("20\u202f000");
    expect(format.distance(420)).toBe("420 m");
    expect(format.distance(2_500)).toBe("2.5 km");
    expect(format.distance(25_400)).toBe("25 km");
  });
});
