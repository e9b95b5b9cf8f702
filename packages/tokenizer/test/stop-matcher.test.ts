import { createStopMatcher } from "@dyn/tokenizer";
import fc from "fast-check";
import { expect, test } from "vitest";

interface Result {
  readonly shown: string;
  readonly matched: string | null;
}

function run(stops: readonly string[], pieces: readonly string[]): Result {
  const matcher = createStopMatcher(stops);
  let shown = "";
  let matched: string | null = null;
  for (const piece of pieces) {
    const step = matcher.push(piece);
    shown += step.text;
    matched = step.matched;
  }
  return { shown: matched === null ? shown + matcher.flush() : shown, matched };
}

/** All text so far is searched anew after each piece. */
function runNaively(stops: readonly string[], pieces: readonly string[]) {
  let all = "";
  const steps: { shown: string; matched: string | null }[] = [];
  for (const piece of pieces) {
    all += piece;
    const found = stops
      .map((stop) => ({ stop, at: all.indexOf(stop) }))
      .filter(({ at }) => at !== -1)
      .sort((a, b) => a.at - b.at || b.stop.length - a.stop.length)[0];
    if (found !== undefined) {
      steps.push({ shown: all.slice(0, found.at), matched: found.stop });
      break;
    }
    let held = 0;
    for (let size = 1; size <= all.length; size++) {
      const tail = all.slice(-size);
      if (stops.some((stop) => stop.length > size && stop.startsWith(tail))) held = size;
    }
    steps.push({ shown: all.slice(0, all.length - held), matched: null });
  }
  return steps;
}

const text = (units: string, maxLength: number) =>
  fc.array(fc.constantFrom(...units.split("")), { maxLength }).map((parts) => parts.join(""));

test("shows after each piece what the naive search shows, for every text and split", () => {
  fc.assert(
    fc.property(
      fc.array(
        text("ab", 5).filter((stop) => stop !== ""),
        { minLength: 1, maxLength: 4 },
      ),
      fc.array(text("abc", 4), { maxLength: 8 }),
      (stops, pieces) => {
        const matcher = createStopMatcher(stops);
        let shown = "";
        for (const step of runNaively(stops, pieces)) {
          const got = matcher.push(pieces.shift() ?? "");
          shown += got.text;
          expect({ shown, matched: got.matched }).toEqual(step);
        }
      },
    ),
    { numRuns: 3000 },
  );
});

test("one stop string is found in every split of a text", () => {
  const whole = "ab aab aabaab</s>rest";
  for (const stop of ["aabaab", "</s>", "</s>rest", "ab a"]) {
    for (let first = 0; first <= whole.length; first++) {
      for (let second = first; second <= whole.length; second++) {
        const pieces = [whole.slice(0, first), whole.slice(first, second), whole.slice(second)];
        expect(run([stop], pieces)).toEqual({
          shown: whole.slice(0, whole.indexOf(stop)),
          matched: stop,
        });
      }
    }
  }
});

test("text that turns out to be no stop string comes out whole", () => {
  expect(run(["</tool>"], [..."a </to b </tool"])).toEqual({
    shown: "a </to b </tool",
    matched: null,
  });
});

test("the earliest match wins, then the longest that is complete", () => {
  expect(run(["b", "abc"], ["xabc"])).toEqual({ shown: "x", matched: "abc" });
  expect(run(["ab", "abc"], ["xabc"])).toEqual({ shown: "x", matched: "abc" });
  expect(run(["abc", "ab"], ["xab", "c"])).toEqual({ shown: "x", matched: "ab" });
});

test("text behind a match is dropped for good", () => {
  const matcher = createStopMatcher(["!"]);
  expect(matcher.push("a!b")).toEqual({ text: "a", matched: "!" });
  expect(matcher.push("c")).toEqual({ text: "", matched: "!" });
  expect(matcher.flush()).toBe("");
});

test("without stop strings all text passes at once", () => {
  expect(createStopMatcher([]).push("abc")).toEqual({ text: "abc", matched: null });
});

test.each([[[""]], [["a", "x".repeat(1025)]], [Array.from({ length: 33 }, (_, i) => `s${i}`)]])(
  "stop strings out of bounds are refused (%#)",
  (stops) => {
    expect(() => createStopMatcher(stops)).toThrow(
      expect.objectContaining({ status: 400, param: "stop" }),
    );
  },
);
