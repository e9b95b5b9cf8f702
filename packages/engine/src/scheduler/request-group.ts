import type { CacheNamespace } from "../cache/cache-namespace.ts";
import type { TokenLogprobs } from "../contract/engine-output.ts";
import type { GenerateRequest } from "../contract/generate-request.ts";
import type { Sequence } from "./sequence.ts";

/** One request with its n choices. The first prefills the prompt; the others then find it in the cache. */
export class RequestGroup {
  readonly request: GenerateRequest;
  readonly namespace: CacheNamespace;
  /** Milliseconds since 1970. */
  receivedMs = 0;
  readonly sequences: Sequence[] = [];
  /** Choices that are not finished. */
  openCount = 0;
  /** A choice was admitted, or the request ended: it counts no more as queued. */
  hasLeftQueue = false;
  siblingsReleased = false;
  /** Its prompt is in the metrics. */
  isCounted = false;
  /** Prompt tokens found in the cache when the first choice was admitted; `null` before. */
  cachedTokens: number | null = null;
  /** Milliseconds since 1970; `null`: no choice had pages yet. */
  scheduledMs: number | null = null;
  /** Filled by the first choice's prefill, position by position; the others share it. */
  readonly promptLogprobs: (TokenLogprobs | null)[] | null;

  constructor(request: GenerateRequest) {
    this.request = request;
    this.namespace = { cacheSalt: request.cacheSalt, extraKey: request.extraKey };
    this.promptLogprobs = request.promptLogprobs === null ? null : [];
  }
}
