// Pauses, memory and weights of a running engine. Commands run one at a time, and touch the executor between steps only.
import type {
  EngineCommand,
  EngineControlState,
  MemoryTag,
  PauseMode,
} from "../contract/engine-control.ts";
import { memoryTags } from "../contract/engine-control.ts";
import type { Executor } from "../contract/executor.ts";
import { holdsPages, mixesWeights, noWeights } from "./control-errors.ts";
import { StepProfile } from "./step-profile.ts";

/** The core, as far as commands need it. */
export interface ControlHost {
  /** A step is being computed. */
  readonly isStepping: boolean;
  /** Requests, or other engines, use pages. */
  readonly hasPages: boolean;
  /** Requests have been computed on, even if they wait again. */
  readonly hasBegun: boolean;
  readonly openCount: number;
  /** Resolves when something may be different. */
  changed(): Promise<void>;
  /** Steps may be possible that were not. */
  wake(): void;
  abortAll(message: string): void;
  /** Ends those that have begun. */
  abortBegun(message: string): void;
  /** What runs goes back to the queue and gives its pages up. */
  retractAll(): void;
  /** While held, nothing begins that has not begun. */
  holdQueue(isHeld: boolean): void;
  /** Forgets all cached KV; `false`: somebody holds pages. */
  resetCache(): boolean;
}

export class EngineControls {
  readonly #executor: Executor;
  readonly #host: ControlHost;
  readonly #released = new Set<MemoryTag>();
  #isPaused = false;
  #isSwapping = false;
  #profile: StepProfile | null = null;
  #profileFiles: readonly string[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(executor: Executor, host: ControlHost) {
    this.#executor = executor;
    this.#host = host;
  }

  get mayStep(): boolean {
    return !this.#isPaused && !this.#isSwapping && this.#released.size === 0;
  }

  /** `null`: nobody looks. */
  get profile(): StepProfile | null {
    return this.#profile;
  }

  run(command: EngineCommand): Promise<EngineControlState> {
    const done = this.#last.then(async () => {
      this.#profileFiles = [];
      await this.#do(command);
      return this.#state();
    });
    this.#last = done.catch(() => {});
    return done;
  }

  async #do(command: EngineCommand): Promise<void> {
    switch (command.type) {
      case "pause":
        return this.#pause(command.mode);
      case "continue":
        this.#isPaused = false;
        return this.#host.wake();
      case "releaseMemory":
        return this.#release(command.tags);
      case "resumeMemory":
        return this.#resume(command.tags);
      case "loadWeights":
        return this.#loadWeights(command);
      case "startProfile":
        this.#profile = await StepProfile.start(this.#profile, command.options);
        return;
      case "stopProfile": {
        const profile = StepProfile.require(this.#profile);
        this.#profile = null;
        this.#profileFiles = await profile.stop();
      }
    }
  }

  #state(): EngineControlState {
    return {
      isPaused: this.#isPaused,
      released: [...this.#released],
      pausedRequests: this.#isPaused ? this.#host.openCount : 0,
      profileFiles: this.#profileFiles,
    };
  }

  async #pause(mode: PauseMode): Promise<void> {
    this.#isPaused = true;
    if (mode === "abort") this.#host.abortAll("Generation was paused.");
    await this.#until(() => !this.#host.isStepping);
    if (mode === "retract") this.#host.retractAll();
  }

  async #release(tags: readonly MemoryTag[]): Promise<void> {
    const wanted = orAll(tags).filter((tag) => !this.#released.has(tag));
    if (this.#host.hasPages || this.#host.isStepping) {
      if (wanted.length > 0) throw holdsPages(wanted.join(" and "));
      return;
    }
    // From here on no step begins: what comes waits.
    for (const tag of wanted) this.#released.add(tag);
    try {
      if (wanted.includes("kv_cache")) {
        if (!this.#host.resetCache()) throw holdsPages("kv_cache");
        this.#executor.releaseKv?.();
      }
      if (wanted.includes("weights")) await this.#executor.releaseWeights();
    } catch (error) {
      for (const tag of wanted) this.#released.delete(tag);
      this.#host.wake();
      throw error;
    }
  }

  async #resume(tags: readonly MemoryTag[]): Promise<void> {
    const wanted = orAll(tags).filter((tag) => this.#released.has(tag));
    if (wanted.includes("weights")) await this.#executor.resumeWeights();
    for (const tag of wanted) this.#released.delete(tag);
    this.#host.wake();
  }

  async #loadWeights({
    source,
    abortRequests,
    flushCache,
  }: EngineCommand & { type: "loadWeights" }): Promise<void> {
    const executor = this.#executor;
    if (executor.weights === undefined) throw noWeights(executor.info.kind);
    const { undo, commit } = await executor.weights.prepare(source);
    this.#host.holdQueue(true);
    try {
      if (abortRequests) this.#host.abortBegun("The weights of the model are replaced.");
      // A paused engine ends nothing, so nothing is waited for: whoever paused it decided.
      await this.#until(() =>
        this.#isPaused || this.#released.size > 0 ? !this.#host.isStepping : !this.#host.hasBegun,
      );
      this.#isSwapping = true;
      if (flushCache && !this.#host.resetCache()) throw mixesWeights();
      if (!this.#released.has("weights")) {
        await executor.releaseWeights();
        await executor.resumeWeights();
      }
      commit();
    } catch (error) {
      undo();
      if (!this.#released.has("weights")) await executor.resumeWeights();
      throw error;
    } finally {
      this.#isSwapping = false;
      this.#host.holdQueue(false);
      this.#host.wake();
    }
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await this.#host.changed();
  }
}

function orAll(tags: readonly MemoryTag[]): readonly MemoryTag[] {
  return tags.length === 0 ? memoryTags : tags;
}
