// The way of a request from submission to the queue: checked, its grammar compiled, its half of a hand-over opened.
import type { CompiledGrammar } from "@dyn/grammar";
import type { GenerateRequest, RequestGrammar } from "../contract/generate-request.ts";
import { fakeBootstrapHost, type HandOvers } from "../handover/hand-overs.ts";
import type { RequestGroup } from "../scheduler/request-group.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { RequestLimits } from "../scheduler/validate-request.ts";
import type { Answers } from "./answers.ts";
import type { EngineOptions } from "./engine-options.ts";
import { errorFinish } from "./error-finish.ts";
import { type OpenedRequest, openRequest } from "./open-request.ts";
import { PreparingRequests } from "./preparing-requests.ts";
import { noDisaggregation, noGrammars } from "./refusals.ts";

export interface RequestIntakeOptions {
  readonly engine: EngineOptions;
  readonly limits: RequestLimits;
  readonly pageSize: number;
  readonly random: () => number;
  readonly now: () => number;
  readonly scheduler: Scheduler;
  readonly answers: Answers;
  readonly handOvers: HandOvers | null;
  /** Something may be planned now that could not be before. */
  changed(): void;
}

export class RequestIntake {
  readonly #options: RequestIntakeOptions;
  readonly #preparing = new PreparingRequests();
  #submittedCount = 0;

  constructor(options: RequestIntakeOptions) {
    this.#options = options;
  }

  /** Takes a request or throws what refuses it. */
  submit(request: GenerateRequest): void {
    const { engine, handOvers, now } = this.#options;
    const real = withoutFakeTransfer(request);
    if (real.disaggregation != null) {
      if (handOvers === null) throw noDisaggregation();
      handOvers.check(real);
    }
    const alone = engine.disableRadixCache
      ? { ...real, cacheSalt: `${request.requestId} ${this.#submittedCount++}` }
      : real;
    if (alone.grammar == null) this.#schedule(alone, null, now());
    else this.#prepare(alone, alone.grammar);
  }

  /** It has ended: nobody waits for its grammar. */
  forget(group: RequestGroup): void {
    this.#preparing.forget(group);
  }

  #open(
    request: GenerateRequest,
    grammar: CompiledGrammar | null,
    random: () => number,
  ): OpenedRequest {
    const { engine, limits, pageSize } = this.#options;
    return openRequest(request, {
      limits,
      pageSize,
      random,
      createDecoder: engine.createDecoder,
      grammar,
    });
  }

  #schedule(request: GenerateRequest, grammar: CompiledGrammar | null, receivedMs: number): void {
    const { random, scheduler, answers, handOvers } = this.#options;
    const opened = this.#open(request, grammar, random);
    const { group } = opened;
    group.receivedMs = receivedMs;
    const first = group.sequences.find(({ state }) => state !== "finished");
    const role = first === undefined ? undefined : request.disaggregation?.role;
    if (role !== undefined) handOvers!.check(request);
    if (role === "prefill") {
      for (const sequence of group.sequences) {
        sequence.maxLength = Math.min(sequence.maxLength, sequence.length + 1);
      }
    } else {
      if (role === "decode") first!.awaitsKv = true;
      scheduler.submit(group);
    }
    answers.open.add(opened);
    if (role === "prefill") handOvers!.prefill.open(group);
    if (role === "decode") handOvers!.decode.take(group);
    for (const { choice, reason } of opened.finished) answers.emit(choice, [], null, reason);
    answers.flush();
    this.#options.changed();
  }

  /** What is wrong with other fields is said at once; the grammar's faults end the request later. */
  #prepare(request: GenerateRequest, { spec }: RequestGrammar): void {
    const { engine, answers, now } = this.#options;
    const { open } = answers;
    if (engine.grammars === undefined) throw noGrammars();
    // Its seed is never used, so none is drawn.
    const placeholder = this.#open(request, null, () => 0);
    open.add(placeholder);
    const { group } = placeholder;
    group.receivedMs = now();
    const failed = (error: unknown) => {
      answers.endGroup(group, errorFinish(error));
      answers.flush();
    };
    this.#preparing.add(group, engine.grammars.compile(spec), {
      done: (grammar) => {
        open.remove(group);
        try {
          this.#schedule(request, grammar, group.receivedMs);
        } catch (error) {
          open.add(placeholder);
          failed(error);
        }
      },
      failed,
    });
  }
}

/** SGLang's requests for warm-up and canaries go through the engine without another one: prefill to its end, decode whole. */
function withoutFakeTransfer(request: GenerateRequest): GenerateRequest {
  const half = request.disaggregation;
  if (half?.bootstrapHost !== fakeBootstrapHost) return request;
  const { sampling } = request;
  const alone = { ...request, disaggregation: null };
  if (half.role === "decode") return alone;
  return {
    ...alone,
    sampling: { ...sampling, maxNewTokens: Math.min(sampling.maxNewTokens ?? 1, 1) },
  };
}
