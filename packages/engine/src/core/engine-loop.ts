// Drives a core: step after step while there is work, with a turn of the event loop between, so that messages get in.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { EngineCore } from "./engine-core.ts";

export class EngineLoop {
  readonly #core: EngineCore;
  readonly #onIdle: () => void;
  #run: Promise<void> | null = null;

  constructor(core: EngineCore, onIdle: () => void = () => {}) {
    this.#core = core;
    this.#onIdle = onIdle;
  }

  /** Call after each submission. */
  wake(): void {
    this.#run ??= this.#steps();
  }

  /** Resolves when nothing runs or waits. */
  async idle(): Promise<void> {
    while (this.#run !== null) await this.#run;
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
      await nextTurn();
      if (!hasWork) hasWork = !this.#core.isIdle;
    }
    this.#run = null;
    this.#onIdle();
  }
}
