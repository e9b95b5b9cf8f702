// What open choices say, and how they end. Every output goes by here, and every end exactly once.
import type { FinishReason, GenerateOutput } from "../contract/engine-output.ts";
import type { RequestGroup } from "../scheduler/request-group.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { Sequence } from "../scheduler/sequence.ts";
import type { Choice } from "./choice.ts";
import { errorFinish } from "./error-finish.ts";
import type { KvEventFeed } from "./kv-event-feed.ts";
import { OpenRequests } from "./open-requests.ts";
import type { OutputFeed } from "./output-feed.ts";

export interface AnswersOptions {
  readonly scheduler: Scheduler;
  readonly events: KvEventFeed;
  readonly outputs: OutputFeed;
  /** The last choice of a request ended, with this reason. */
  ended(group: RequestGroup, reason: FinishReason): void;
  /** Something may be planned now that could not be before. */
  changed(): void;
}

export class Answers {
  readonly open = new OpenRequests();
  /** A step is being computed: choices that hold pages end after it, by `endDelayed`. */
  isComputing = false;
  readonly #options: AnswersOptions;
  readonly #scheduler: Scheduler;
  readonly #outputs: OutputFeed;
  /** Wait for the step in flight to end. */
  readonly #delayed = new Map<Sequence, FinishReason>();

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#scheduler = options.scheduler;
    this.#outputs = options.outputs;
  }

  /** What KV events and outputs have gathered goes out, in this order. */
  flush(): void {
    this.#options.events.flush();
    this.#outputs.flush();
  }

  /** Its end waits for the step that was computed: it says nothing any more. */
  isEnding(sequence: Sequence): boolean {
    return this.#delayed.has(sequence);
  }

  /** The choice goes on by a token that its sampler has accepted. */
  say(choice: Choice, tokenId: number, logprobs: GenerateOutput["logprobs"]): void {
    const { sequence } = choice;
    sequence.append(tokenId);
    const finish = choice.checkFinish(tokenId);
    if (finish !== null) this.#scheduler.finish(sequence);
    this.emit(choice, [tokenId], logprobs, finish);
  }

  /** An output, which is the choice's last one if it has a reason. */
  emit(
    choice: Choice,
    tokenIds: number[],
    logprobs: GenerateOutput["logprobs"],
    finish: FinishReason | null,
  ): void {
    this.#outputs.add(choice, tokenIds, logprobs, finish);
    if (finish === null || !this.open.endChoice(choice)) return;
    this.#options.ended(choice.sequence.group, finish);
  }

  /** Ends a choice now. */
  end(choice: Choice, reason: FinishReason): void {
    const { group } = choice.sequence;
    this.#scheduler.finish(choice.sequence);
    this.emit(choice, [], null, reason);
    // The other engine gets all choices or none.
    if (choice.isPrefillHalf) this.#endChoices(group, reason);
  }

  /** As `end`; a sequence whose choice has ended is passed over. */
  endSequence(sequence: Sequence, reason: FinishReason): void {
    const choice = this.open.choice(sequence);
    if (choice !== undefined) this.end(choice, reason);
  }

  /** Ends all choices of a request now. */
  endGroup(group: RequestGroup, reason: FinishReason): void {
    for (const sequence of group.sequences) this.endSequence(sequence, reason);
  }

  /** Ends a request and says so; what holds pages while a step is computed ends after it. */
  endSoon(group: RequestGroup, reason: FinishReason): void {
    this.#endChoices(group, reason);
    this.flush();
    this.#options.changed();
  }

  abort(groups: readonly RequestGroup[], message: string): void {
    for (const group of groups) this.endSoon(group, { type: "abort", message });
  }

  /** After the step: those that were to end during it. */
  endDelayed(): void {
    for (const [sequence, reason] of this.#delayed) this.endSequence(sequence, reason);
    this.#delayed.clear();
  }

  /** Everything ends with this error, a step in flight or not. */
  failAll(error: unknown): void {
    this.isComputing = false;
    this.#delayed.clear();
    for (const group of this.open.groups()) this.endGroup(group, errorFinish(error));
    this.flush();
  }

  #endChoices(group: RequestGroup, reason: FinishReason): void {
    for (const sequence of group.sequences) {
      if (this.open.choice(sequence) === undefined || this.#delayed.has(sequence)) continue;
      if (this.isComputing && sequence.slot >= 0) this.#delayed.set(sequence, reason);
      else this.endSequence(sequence, reason);
    }
  }
}
