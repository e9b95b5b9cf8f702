// What a decode worker is told of the prefill of its request.
import { BootstrapInfo, type EngineOutputItem, type PreprocessedRequest } from "@dyn/protocol";

export interface Handover {
  readonly flow: "concurrent" | "prefill-first";
  readonly workerId: bigint;
  /** `null`: the worker's own choice. */
  readonly dpRank: number | null;
  readonly fields: Pick<PreprocessedRequest, "bootstrap_info" | "prefill_result">;
}

/** By the first item of a worker that was asked first; `null`: the item does not say. */
export function handoverFields(item: EngineOutputItem): Handover["fields"] | null {
  const { disaggregated_params: params } = item;
  if (params == null) return null;
  const info = BootstrapInfo.safeParse(params);
  if (info.success) {
    return { bootstrap_info: { ...info.data, handoff_id: crypto.randomUUID() } };
  }
  const details = item.completion_usage?.prompt_tokens_details ?? null;
  return { prefill_result: { disaggregated_params: params, prompt_tokens_details: details } };
}

/** Load alone places a decode: its prompt comes from elsewhere. As the reference sends it. */
const decodeOverride = Object.freeze({
  overlap_score_credit: 0,
  prefill_load_scale: null,
  router_temperature: null,
  assume_kv_reuse: false,
  track_prefill_tokens: false,
  shared_cache_multiplier: null,
});

export function toDecodeRequest(
  request: PreprocessedRequest,
  { workerId, dpRank, fields }: Handover,
): PreprocessedRequest {
  return {
    ...request,
    routing: {
      ...request.routing,
      prefill_worker_id: workerId,
      ...(dpRank === null ? {} : { prefill_dp_rank: dpRank }),
    },
    router_config_override: decodeOverride,
    ...fields,
  };
}

export function toPrefillRequest(
  request: PreprocessedRequest,
  workerId: bigint,
  bootstrapInfo: BootstrapInfo | null,
): PreprocessedRequest {
  const { stop_conditions: stop } = request;
  // Whether the first token may end the answer is decided where it is drawn.
  const min_tokens = stop.min_tokens == null ? stop.min_tokens : Math.min(1, stop.min_tokens);
  return {
    ...request,
    stop_conditions: { ...stop, max_tokens: 1, min_tokens },
    routing: { ...request.routing, prefill_worker_id: workerId },
    router_config_override: null,
    ...(bootstrapInfo === null ? {} : { bootstrap_info: bootstrapInfo }),
  };
}
