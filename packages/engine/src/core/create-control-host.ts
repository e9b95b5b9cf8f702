import type { ControlHost } from "../control/engine-controls.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { Answers } from "./answers.ts";

/** The core as pauses, memory and weights see it. */
export function createControlHost(options: {
  readonly scheduler: Scheduler;
  readonly answers: Answers;
  /** Resolves at the next change. */
  nextChange(): Promise<void>;
  /** Something may be planned now that could not be before. */
  changed(): void;
  /** Empties the cache. */
  resetCache(): void;
}): ControlHost {
  const { scheduler, answers } = options;
  const hasPages = () => scheduler.runningCount > 0 || scheduler.awaitsOthers;
  return {
    get isStepping() {
      return answers.isComputing;
    },
    get hasPages() {
      return hasPages();
    },
    get hasBegun() {
      return scheduler.begunCount > 0;
    },
    get openCount() {
      return answers.open.count;
    },
    changed: () => options.nextChange(),
    wake: () => options.changed(),
    abortAll: (message) => answers.abort(answers.open.groups(), message),
    abortBegun: (message) =>
      answers.abort(
        answers.open.groups().filter(({ hasLeftQueue }) => hasLeftQueue),
        message,
      ),
    retractAll: () => scheduler.retractAll(),
    holdQueue(isHeld) {
      scheduler.holdQueue(isHeld);
      options.changed();
    },
    resetCache() {
      if (hasPages()) return false;
      options.resetCache();
      return true;
    },
  };
}
