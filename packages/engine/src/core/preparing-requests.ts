// Requests whose grammar is being compiled elsewhere: they are open, but nothing plans them yet.
import type { CompiledGrammar } from "@dyn/grammar";
import type { RequestGroup } from "../scheduler/request-group.ts";

export class PreparingRequests {
  readonly #groups = new Set<RequestGroup>();
  readonly #waiters = new Set<() => void>();
  #onScheduled: () => void = () => {};

  get count(): number {
    return this.#groups.size;
  }

  /** Called when a request has got its grammar and can be planned. */
  onScheduled(listener: () => void): void {
    this.#onScheduled = listener;
  }

  /** How many wait is bounded by the compiler. Neither callback is called once the request is forgotten. */
  add(
    group: RequestGroup,
    grammar: Promise<CompiledGrammar>,
    then: { done(grammar: CompiledGrammar): void; failed(error: unknown): void },
  ): void {
    this.#groups.add(group);
    grammar.then(
      (compiled) => {
        if (!this.forget(group)) return;
        then.done(compiled);
        this.#onScheduled();
      },
      (error: unknown) => {
        if (this.forget(group)) then.failed(error);
      },
    );
  }

  /** It ended, or goes on. Returns whether it was here. */
  forget(group: RequestGroup): boolean {
    if (!this.#groups.delete(group)) return false;
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
    return true;
  }

  /** Resolves when one of them has left. */
  change(): Promise<void> {
    if (this.#groups.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.add(resolve));
  }
}
