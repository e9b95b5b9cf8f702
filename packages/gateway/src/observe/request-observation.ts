// One generating request as metrics and traces see it, from its first byte to its end.
import {
  type ErrorType,
  type FrontendMetrics,
  type FrontendRequest,
  UNKNOWN_MODEL,
} from "@dyn/metrics";
import type { CompletionUsage, EngineOutputItem } from "@dyn/protocol";
import { type DecisionRecord, decisionToSpan } from "@dyn/router";
import { type Span, silentSpan, type TraceParent } from "@dyn/tracing";
import { errorToStatus } from "../errors/error-to-body.ts";
import { errorToErrorType, errorToFailure } from "./error-labels.ts";

export class RequestObservation {
  readonly #metrics: FrontendMetrics;
  readonly #endpoint: string;
  readonly #begunMs = performance.now();
  readonly #receivedAtMs = Date.now();
  #routedMs: number | null = null;
  #firstTokenMs: number | null = null;
  #handOverMs: number | null = null;
  readonly #leavePreprocess: () => void;
  readonly #span: Span;
  readonly #preprocessSpan: Span;
  /** When each choice last brought tokens, by choice index. */
  readonly #lastTokenMs: number[] = [];
  #model: string = UNKNOWN_MODEL;
  #request: FrontendRequest | null = null;
  #isPreprocessed = false;
  #hasFirstToken = false;
  #detokenizeMs = 0;
  #promptTokens: number | undefined;
  #answerTokens = 0;
  #usage: CompletionUsage | null = null;

  /** `span`: ended with the request. Default: nobody traces it. */
  constructor(metrics: FrontendMetrics, endpoint: string, span: Span = silentSpan(null)) {
    this.#span = span;
    this.#preprocessSpan = span.child("preprocess");
    this.#metrics = metrics;
    this.#endpoint = endpoint;
    this.#leavePreprocess = metrics.stageEntered("preprocess");
  }

  /** What a worker takes as its parent. */
  get trace(): TraceParent | null {
    return this.#span.trace;
  }

  /** The request has been read. `model`: `null` when it is not served here. */
  describe(model: string | null, isStream: boolean): void {
    this.#model = model ?? UNKNOWN_MODEL;
    this.#span.set({ "gen_ai.request.model": this.#model, "dyn.stream": isStream });
    this.#request = this.#metrics.requestStarted({
      model: this.#model,
      endpoint: this.#endpoint,
      requestType: isStream ? "stream" : "unary",
    });
  }

  templateRendered(durationMs: number): void {
    this.#metrics.templateRendered(durationMs / 1000);
  }

  promptTokenized(durationMs: number): void {
    this.#metrics.promptTokenized(durationMs / 1000);
  }

  /** All prompts are ready to be sent. */
  preprocessed(promptTokens: number): void {
    this.promptCounted(promptTokens);
    this.#endPreprocess();
  }

  /** The worker takes text: it tells later how many tokens that was. */
  passedOn(): void {
    this.#endPreprocess();
  }

  promptCounted(promptTokens: number): void {
    this.#promptTokens = promptTokens;
  }

  /** A router chose among workers, and why. */
  decided(record: DecisionRecord): void {
    if (!this.#span.isRecording) return;
    const { name, startTimeMs, endTimeMs, attributes, events } = decisionToSpan(record);
    const span = this.#span.child(name, { beginMs: startTimeMs, attributes });
    for (const event of events) span.event(event.name, event.attributes);
    span.end({ endMs: endTimeMs });
  }

  /** A worker was chosen. */
  routed(): void {
    this.#routedMs ??= performance.now();
  }

  /** Where prefill and decode are apart: the most that the KV was on its way. */
  handedOver(seconds: number): void {
    this.#handOverMs ??= seconds * 1000;
  }

  /** For the answer's nvext, in milliseconds; `request_received_ms` since 1970. */
  timing(): Record<string, number | null> {
    const since = (fromMs: number | null, toMs: number | null) =>
      fromMs === null || toMs === null ? null : toMs - fromMs;
    return {
      request_received_ms: this.#receivedAtMs,
      prefill_wait_time_ms: since(this.#begunMs, this.#routedMs),
      prefill_time_ms: since(this.#routedMs, this.#firstTokenMs),
      ttft_ms: since(this.#begunMs, this.#firstTokenMs),
      total_time_ms: performance.now() - this.#begunMs,
      ...(this.#handOverMs === null ? {} : { kv_transfer_estimated_latency_ms: this.#handOverMs }),
    };
  }

  /** An item of a choice arrived at `nowMs` and took until `doneMs` to become text. */
  item(item: EngineOutputItem, choiceIndex: number, nowMs: number, doneMs: number): void {
    this.#detokenizeMs += doneMs - nowMs;
    const tokenCount = item.token_ids.length;
    if (tokenCount === 0) return;
    this.#answerTokens += tokenCount;
    const lastMs = this.#lastTokenMs[choiceIndex];
    this.#lastTokenMs[choiceIndex] = nowMs;
    if (!this.#hasFirstToken) {
      this.#hasFirstToken = true;
      this.#firstTokenMs = nowMs;
      this.#span.event("first_token");
      this.#request?.firstToken((nowMs - this.#begunMs) / 1000, tokenCount);
    } else {
      this.#request?.tokens(tokenCount, (nowMs - (lastMs ?? nowMs)) / 1000);
    }
  }

  /** Prompt and answer so far. */
  get totalTokens(): number {
    return this.#usage?.total_tokens ?? (this.#promptTokens ?? 0) + this.#answerTokens;
  }

  usage(usage: CompletionUsage): void {
    this.#usage = usage;
  }

  /** `null`: complete. */
  end(error: unknown): void {
    this.#endPreprocess();
    if (this.#request === null) this.describe(null, false);
    const errorType = error === null ? null : errorToErrorType(error);
    const cachedTokens = this.#usage?.prompt_tokens_details?.cached_tokens;
    this.#request?.finish({
      errorType,
      ...(this.#promptTokens === undefined ? {} : { inputTokens: this.#promptTokens }),
      ...(this.#usage === null ? {} : { outputTokens: this.#usage.completion_tokens }),
      ...(cachedTokens == null ? {} : { cachedTokens }),
    });
    if (this.#usage !== null) {
      const seconds = this.#detokenizeMs / 1000;
      this.#metrics.answerDetokenized(seconds, this.#usage.completion_tokens);
    }
    if (errorType !== null) this.#countFailure(error, errorType);
    this.#span.set({
      "gen_ai.usage.input_tokens": this.#promptTokens,
      "gen_ai.usage.output_tokens": this.#usage?.completion_tokens ?? this.#answerTokens,
      "dyn.cached_tokens": cachedTokens,
      "dyn.error_type": errorType,
      "http.response.status_code": error === null ? 200 : errorToStatus(error),
    });
    this.#span.end({ error });
  }

  #countFailure(error: unknown, errorType: ErrorType): void {
    if (errorType === "cancelled") {
      this.#metrics.clientDisconnected();
      return;
    }
    if (errorType === "overload") this.#metrics.modelRejection(this.#model, this.#endpoint);
    const { failureClass, reason } = errorToFailure(error);
    this.#metrics.failed(failureClass, reason);
  }

  #endPreprocess(): void {
    if (this.#isPreprocessed) return;
    this.#isPreprocessed = true;
    this.#leavePreprocess();
    this.#preprocessSpan.end();
  }
}
