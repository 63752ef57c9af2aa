import { describe, expect, it } from "vitest";
import { commandOf, KEYS } from "../src/keyboard";

const page = { modified: false, typing: false, target: "page" as const };

describe("keys", () => {
  it("gives every key of the help page its command", () => {
    for (const { keys, command } of KEYS) {
      for (const key of keys) expect(commandOf({ ...page, key })).toBe(command);
    }
  });

  it("leaves text fields and the browser's own shortcuts alone", () => {
    expect(commandOf({ ...page, key: "a", typing: true })).toBeNull();
    expect(commandOf({ ...page, key: "r", modified: true })).toBeNull();
    expect(commandOf({ ...page, key: "x" })).toBeNull();
  });

  it("lets Enter press the focused control, and arrows move the focused map", () => {
    expect(commandOf({ ...page, key: "Enter", target: "queue" })).toBeNull();
    expect(commandOf({ ...page, key: "ArrowDown", target: "map" })).toBeNull();
    expect(commandOf({ ...page, key: "ArrowDown", target: "queue" })).toBe("next");
  });
});
