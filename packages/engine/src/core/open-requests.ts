// Requests that have not ended, and their choices that have not.
import type { RequestGroup } from "../scheduler/request-group.ts";
import type { Sequence } from "../scheduler/sequence.ts";
import type { Choice } from "./choice.ts";
import type { OpenedRequest } from "./open-request.ts";

export class OpenRequests {
  readonly #groups = new Map<string, RequestGroup>();
  readonly #choices = new Map<Sequence, Choice>();

  get count(): number {
    return this.#groups.size;
  }

  group(requestId: string): RequestGroup | undefined {
    return this.#groups.get(requestId);
  }

  /** A copy: whoever goes through it may end them. */
  groups(): RequestGroup[] {
    return [...this.#groups.values()];
  }

  /** `undefined`: it has ended. */
  choice(sequence: Sequence): Choice | undefined {
    return this.#choices.get(sequence);
  }

  add({ group, choices }: OpenedRequest): void {
    this.#groups.set(group.request.requestId, group);
    for (const choice of choices) this.#choices.set(choice.sequence, choice);
  }

  /** The request goes on under another group, or was never meant to. */
  remove(group: RequestGroup): void {
    for (const sequence of group.sequences) this.#choices.delete(sequence);
    this.#groups.delete(group.request.requestId);
  }

  /** Returns whether it was the last of its request, which is then gone. */
  endChoice({ sequence }: Choice): boolean {
    const { group } = sequence;
    this.#choices.delete(sequence);
    group.openCount--;
    if (group.openCount > 0) return false;
    this.#groups.delete(group.request.requestId);
    return true;
  }
}
