// Requests whose grammar is being compiled elsewhere: they are open, but nothing plans them yet.
import type { CompiledGrammar } from "@dyn/grammar";
import type { RequestGroup } from "../scheduler/request-group.ts";

export class PreparingRequests {
  readonly #groups = new Set<RequestGroup>();

  /** How many wait is bounded by the compiler. Neither callback is called once the request is forgotten. */
  add(
    group: RequestGroup,
    grammar: Promise<CompiledGrammar>,
    then: { done(grammar: CompiledGrammar): void; failed(error: unknown): void },
  ): void {
    this.#groups.add(group);
    grammar.then(
      (compiled) => {
        if (this.forget(group)) then.done(compiled);
      },
      (error: unknown) => {
        if (this.forget(group)) then.failed(error);
      },
    );
  }

  /** It ended, or goes on. Returns whether it was here. */
  forget(group: RequestGroup): boolean {
    return this.#groups.delete(group);
  }
}
