import { describe, expect, it } from "vitest";
import { bandOf } from "../src/ui/risk";

describe("the band of a score", () => {
  it("rises with the score and covers all of them", () => {
    expect([0, 9, 10, 29, 30, 59, 60, 100].map(bandOf)).toEqual([
      "low",
      "low",
      "medium",
      "medium",
      "high",
      "high",
      "critical",
      "critical",
    ]);
  });
});
