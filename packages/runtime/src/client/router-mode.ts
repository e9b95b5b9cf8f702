import type { Instance } from "../discovery/record.ts";

/** How one of several instances is picked; `direct` takes the one that each request names. */
export const routerModes = [
  "round-robin",
  "random",
  "power-of-two",
  "least-loaded",
  "direct",
  "device-aware-weighted",
] as const;
export type RouterMode = (typeof routerModes)[number];

/** What a picker may look at. */
export interface PickerView {
  /** Requests that run at the instance: of this process, and of those that it shares loads with. */
  inflight(instance: Instance): number;
  /** [0, 1). */
  random(): number;
  /** Requests that an accelerator takes while a CPU takes one. Default 8. */
  readonly cpuRatio?: number;
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
      return leastLoaded;
    case "device-aware-weighted":
      return (candidates, view) => leastLoaded(nextGroup(candidates, view), view);
  }
}

/** So many requests an accelerator takes while a CPU takes one, unless told otherwise (Dynamo 1.6.1). */
const defaultCpuRatio = 8;

/** CPU workers while they have less than their share, the others otherwise; who is alone of its kind takes all. */
function nextGroup(candidates: readonly Instance[], view: PickerView): readonly Instance[] {
  const cpus = candidates.filter(({ deviceType }) => deviceType === "cpu");
  const others = candidates.filter(({ deviceType }) => deviceType !== "cpu");
  if (cpus.length === 0 || others.length === 0) return candidates;
  const running = (group: readonly Instance[]) =>
    group.reduce((sum, instance) => sum + view.inflight(instance), 0);
  const ratio = view.cpuRatio ?? defaultCpuRatio;
  const share = (running(others) * cpus.length) / (ratio * others.length);
  return running(cpus) < share ? cpus : others;
}

function leastLoaded(candidates: readonly Instance[], view: PickerView): Instance {
  return candidates.reduce((best, candidate) =>
    view.inflight(candidate) < view.inflight(best) ? candidate : best,
  );
}

function draw(count: number, view: PickerView): number {
  return Math.floor(view.random() * count);
}
