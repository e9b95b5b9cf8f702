// A request at a worker as spans: `handle_payload` around the handler, and below it the phases that the engine timed.
import type { GenerateOutput, RequestTiming } from "@dyn/engine";
import type { Span, Tracer } from "@dyn/tracing";
import type { GenerationObservation, GenerationObserver } from "./generation-observer.ts";

/** The parent is the caller's span, as the request's context has it. */
export function createSpanObserver(tracer: Tracer): GenerationObserver {
  return {
    begun: (context) =>
      new SpanObservation(
        tracer.startSpan("handle_payload", context.trace, {
          kind: "server",
          attributes: { "dyn.request_id": context.id },
        }),
      ),
  };
}

class SpanObservation implements GenerationObservation {
  readonly #span: Span;
  /** By choice. */
  readonly #decodes = new Map<number, Span>();
  readonly #finishReasons: string[] = [];
  #completionTokens = 0;
  #hasPhases = false;

  constructor(span: Span) {
    this.#span = span;
  }

  output({ index, timing, finish, usage }: GenerateOutput): void {
    if (timing !== undefined) {
      this.#showPhases(timing, usage);
      this.#beginDecode(index, timing);
    }
    if (finish === null) return;
    this.#finishReasons.push(finish.type);
    this.#completionTokens += usage.completionTokens;
    const decode = this.#decodes.get(index);
    decode?.set({ "gen_ai.usage.output_tokens": usage.completionTokens });
    decode?.end(finish.type === "error" ? { error: finish.error.message } : {});
    this.#decodes.delete(index);
  }

  ended(error: unknown): void {
    // Its caller left before they were over.
    for (const decode of this.#decodes.values()) decode.end();
    this.#span.set({
      "gen_ai.usage.output_tokens": this.#completionTokens,
      "gen_ai.response.finish_reasons": this.#finishReasons,
    });
    this.#span.end({ error });
  }

  /** Queue and prefill are the request's: its first choice to speak has them. */
  #showPhases(timing: RequestTiming, usage: GenerateOutput["usage"]): void {
    if (this.#hasPhases) return;
    this.#hasPhases = true;
    const { receivedMs, scheduledMs, firstTokenMs } = timing;
    this.#span.set({
      "gen_ai.usage.input_tokens": usage.promptTokens,
      "dyn.cached_tokens": usage.cachedTokens,
    });
    const queue = this.#span.child("engine.queue", { beginMs: receivedMs });
    queue.end({ endMs: after(receivedMs, scheduledMs ?? Date.now()) });
    if (scheduledMs === null) return;
    const prefill = this.#span.child("engine.prefill", {
      beginMs: scheduledMs,
      attributes: { "dyn.computed_tokens": usage.promptTokens - usage.cachedTokens },
    });
    prefill.end({ endMs: after(scheduledMs, firstTokenMs ?? Date.now()) });
  }

  #beginDecode(index: number, { firstTokenMs }: RequestTiming): void {
    if (firstTokenMs === null) return;
    const attributes = { "dyn.choice": index };
    this.#decodes.set(
      index,
      this.#span.child("engine.decode", { beginMs: firstTokenMs, attributes }),
    );
  }
}

/** The wall clock may have been set back meanwhile. */
function after(beginMs: number, endMs: number): number {
  return Math.max(beginMs, endMs);
}
