import type { Instance } from "../discovery/record.ts";

export const routerModes = [
  "round-robin",
  "random",
  "power-of-two",
  "least-loaded",
  "direct",
] as const;
export type RouterMode = (typeof routerModes)[number];

/** What a picker may look at. */
export interface PickerView {
  /** Requests that run at the instance: of this process, and of those that it shares loads with. */
  inflight(instance: Instance): number;
  /** [0, 1). */
  random(): number;
}

/** Chooses among at least one candidate, given in a stable order. */
export type Picker = (candidates: readonly Instance[], view: PickerView) => Instance;

/** One picker per client: round robin keeps its place. `direct` names its instance and needs none. */
export function createPicker(mode: Exclude<RouterMode, "direct">): Picker {
  switch (mode) {
    case "round-robin": {
      let turn = 0;
      return (candidates) => candidates[turn++ % candidates.length]!;
    }
    case "random":
      return (candidates, view) => candidates[draw(candidates.length, view)]!;
    case "power-of-two":
      return (candidates, view) => {
        const first = draw(candidates.length, view);
        if (candidates.length === 1) return candidates[first]!;
        // The second is drawn among the others, so that the two always differ.
        const second = (first + 1 + draw(candidates.length - 1, view)) % candidates.length;
        const [a, b] = [candidates[first]!, candidates[second]!];
        return view.inflight(b) < view.inflight(a) ? b : a;
      };
    case "least-loaded":
      return (candidates, view) =>
        candidates.reduce((best, candidate) =>
          view.inflight(candidate) < view.inflight(best) ? candidate : best,
        );
  }
}

function draw(count: number, view: PickerView): number {
  return Math.floor(view.random() * count);
}
