// What a prefill worker does with a request: it computes the prompt, hands it over, and streams no token of it.
import { setMaxListeners } from "node:events";
import type { Engine, GenerateOutput, GenerateRequest } from "@dyn/engine";
import {
  type BootstrapInfo,
  type EngineOutputItem,
  fakeBootstrapHost,
  recordToError,
} from "@dyn/protocol";
import type { RequestHandler } from "@dyn/runtime";
import { engineShutdown } from "../answer/engine-shutdown.ts";
import { outputToItem } from "../decode/output-to-item.ts";
import { readGenerate } from "../decode/read-generate.ts";
import type { ThinkingMarkers } from "../decode/thinking-markers.ts";
import { toWireParam } from "../decode/wire-param.ts";
import {
  type GenerationObservation,
  type GenerationObserver,
  observeAll,
} from "../observe/generation-observer.ts";
import { followRequestEnd } from "../request/request-end.ts";
import { prefillMeeting } from "./prefill-meeting.ts";
import { unwrapRequest } from "./unwrap-request.ts";

/**
 * The first item says where the KV is handed over, and comes before the prompt is computed: decode need not wait for it.
 * The last one, once the decode side has everything, says how much of the prompt was cached. A health check gets what
 * the engine says instead. Ends as the decode handler does on stop, kill and shutdown.
 */
export function createPrefillHandler(options: {
  readonly engine: Engine;
  readonly shutdown?: AbortSignal;
  readonly reasoningEnd?: string | undefined;
  /** As the decode handler's. */
  readonly thinkingMarkers?: (() => Promise<ThinkingMarkers | null>) | undefined;
  /** Hear of every request. */
  readonly observers?: readonly GenerationObserver[];
}): RequestHandler<unknown, EngineOutputItem> {
  const { engine, shutdown, observers = [] } = options;
  if (shutdown !== undefined) setMaxListeners(0, shutdown);
  return async function* (body, context) {
    if (shutdown?.aborted) throw engineShutdown();
    const end = followRequestEnd(context, shutdown);
    const observation = observeAll(observers, context);
    let failure: unknown = null;
    try {
      const wire = unwrapRequest(body);
      const meeting = prefillMeeting(wire, engine.info);
      const request = toPrefill(await readGenerate(wire, options), meeting);
      const outputs = observed(engine.generate(request, { signal: end.signal }), observation);
      if (wire._HEALTH_CHECK === true) yield* rawItems(outputs, request);
      else yield* handOver(outputs, meeting, shutdown);
    } catch (error) {
      failure = toWireParam(error);
      throw failure;
    } finally {
      observation.ended(failure);
      end.close();
    }
  };
}

function toPrefill(request: GenerateRequest, meeting: BootstrapInfo): GenerateRequest {
  const { sampling } = request;
  return {
    ...request,
    // Whoever takes it over ends it: here the first token is the last.
    sampling: { ...sampling, maxNewTokens: 1, minNewTokens: Math.min(1, sampling.minNewTokens) },
    disaggregation:
      meeting.bootstrap_host === fakeBootstrapHost
        ? null
        : {
            role: "prefill",
            bootstrapHost: meeting.bootstrap_host,
            bootstrapPort: meeting.bootstrap_port,
            bootstrapRoom: BigInt(meeting.bootstrap_room),
          },
  };
}

async function* observed(
  outputs: AsyncIterable<GenerateOutput>,
  observation: GenerationObservation,
): AsyncGenerator<GenerateOutput> {
  for await (const output of outputs) {
    observation.output(output);
    yield output;
  }
}

async function* rawItems(outputs: AsyncIterable<GenerateOutput>, request: GenerateRequest) {
  for await (const output of outputs) {
    yield { data: outputToItem(output, { isFirst: true, promptTokenIds: request.tokenIds }) };
  }
}

async function* handOver(
  outputs: AsyncIterable<GenerateOutput>,
  { bootstrap_host, bootstrap_port, bootstrap_room }: BootstrapInfo,
  shutdown: AbortSignal | undefined,
): AsyncGenerator<{ data: EngineOutputItem }> {
  const iterator = outputs[Symbol.asyncIterator]();
  // The engine has the request before its caller hears where to meet.
  let next = iterator.next();
  // Heard of below; until then nobody waits for it.
  next.catch(() => {});
  try {
    yield {
      data: {
        token_ids: [],
        text: null,
        finish_reason: null,
        disaggregated_params: { bootstrap_host, bootstrap_port, bootstrap_room },
      },
    };
    for (;;) {
      const { done, value: output } = await next;
      if (done === true) return;
      const { finish, usage } = output;
      if (finish?.type === "error") throw recordToError(finish.error);
      if (finish?.type === "abort") {
        if (shutdown?.aborted) throw engineShutdown();
        return;
      }
      if (finish !== null && output.index === 0) {
        const hit = { prompt_tokens: usage.promptTokens, reused_tokens: usage.cachedTokens };
        yield { data: { token_ids: [], engine_data: { kv_cache_hit: hit } } };
      }
      next = iterator.next();
    }
  } finally {
    await iterator.return?.();
  }
}
