// Drives a core: step after step while there is work, with a turn of the event loop between, so that messages get in.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { EngineCore } from "./engine-core.ts";

export interface LoopHooks {
  /** A step was made. */
  readonly onStep?: () => void;
  /** Nothing more to do. */
  readonly onIdle?: () => void;
}

export class EngineLoop {
  readonly #core: EngineCore;
  readonly #onStep: () => void;
  readonly #onIdle: () => void;
  #run: Promise<void> | null = null;

  constructor(core: EngineCore, { onStep = () => {}, onIdle = () => {} }: LoopHooks = {}) {
    this.#core = core;
    this.#onStep = onStep;
    this.#onIdle = onIdle;
    core.changes.onChange(() => {
      if (core.hasWork) this.wake();
      // A lease ended, a request ended that no step knew of.
      else if (this.#run === null) this.#onIdle();
    });
  }

  /** Call after each submission. */
  wake(): void {
    this.#run ??= this.#steps();
  }

  /** Resolves when nothing runs or waits, and no page is promised to another engine. */
  async idle(): Promise<void> {
    while (this.#run !== null || !this.#core.isIdle) {
      if (this.#run === null && !this.#core.hasWork) await this.#core.changes.next();
      else await (this.#run ?? nextTurn());
    }
  }

  /** Never rejects: what a step throws is a fault that no request caused, and ends them all. */
  async #steps(): Promise<void> {
    await nextTurn();
    let hasWork = true;
    while (hasWork) {
      try {
        hasWork = await this.#core.step();
      } catch (error) {
        this.#core.failAll(error);
      }
      if (hasWork) this.#onStep();
      await nextTurn();
      if (!hasWork) hasWork = this.#core.hasWork;
    }
    this.#run = null;
    this.#onIdle();
  }
}
