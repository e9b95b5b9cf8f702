// Where our pages differ from the reference's, and why. docs/reference/metrics.md is written from it.
export interface Excuse {
  readonly reason: string;
  readonly names: RegExp;
  /** Default: all. */
  readonly pages?: readonly string[];
}

/** Families of the reference that are not shown: nothing stands behind them here. */
export const excuses: readonly Excuse[] = [
  {
    reason: "no cache that workers share",
    names: /(router_shared_cache_|dynamo_router_shared_cache_|overhead_shared_cache_query_ms$)/,
  },
  { reason: "the index is no cuckoo filter", names: /ckf_mutation_total$/ },
  {
    reason: "guesses are kept in the router's own thread: no queue, leases or messages before them",
    names:
      /router_approximate_lru_(fallback_activations_total|leases|messages_per_request|mutation_(queue_depth|wait_seconds)|output_batches_total)$/,
  },
  {
    reason: "ZMQ itself connects again, and one socket serves all publishers: no task of a source",
    names:
      /active_sequence_zmq_ingress_(sources|out_of_order_total|identity_errors_total|reconnects_total|replacements_total|forced_aborts_total)$/,
  },
  {
    reason: "the queue knows no deadlines: it refuses by its limits alone",
    names: /router_admission_rejected_total$/,
  },
  {
    reason: "Tokio's runtime; nodejs_eventloop_lag_* and nodejs_active_* say what Node.js does",
    names: /^dynamo_tokio_|_event_loop_(delay_seconds|stall_total)$/,
  },
  {
    reason:
      "the pool of Dynamo's runtime: ours has no pool, its admission gate is in dynamo_engine_request",
    names: /^dynamo_work_handler_/,
  },
  {
    reason: "a gate that only workers have, and only where --engine-request-limit sets it",
    names: /^dynamo_(engine_request|rejection_request_total|request_queue)$/,
    pages: ["router", "frontend", "aggregated", "prefill", "decode", "embedding"],
  },
  { reason: "no media in prompts", names: /_(images|videos|audio|image_tokens)_per_request$/ },
  {
    reason: "not counted: stage_duration_seconds has the time of the request plane",
    names: /^dynamo_(request_plane|transport_tcp)_/,
  },
  {
    reason: "the frontend's process serves no endpoint",
    names: /^dynamo_component_uptime_seconds$/,
    pages: ["frontend"],
  },
  {
    reason:
      "the engine is in the worker's process, so none are lost on the way; a relay of another engine tells of losses in its log",
    names: /kv_publisher_/,
  },
  {
    reason: "no CUDA graphs",
    names: /^sglang:(cuda_graph_|startup_cuda_graph_|graph_memory_|is_cuda_graph)/,
  },
  { reason: "no speculative decoding", names: /^sglang:spec_/ },
  { reason: "no state-space or sliding-window layers", names: /^sglang:(mamba|swa)_/ },
  {
    reason: "routing keys come with no request",
    names: /^sglang:(routing_key_|num_unique_running_routing_keys)/,
  },
  { reason: "a GPU's memory", names: /^sglang:startup_available_gpu_memory_gb$/ },
  {
    reason: "process_cpu_seconds_total and dyn_engine_steps_total say it",
    names: /^sglang:(scheduler_|process_cpu_seconds|per_stage_|fwd_occupancy|utilization)/,
  },
  {
    reason: "dynamo_component_model_load_time_seconds says it",
    names: /^sglang:(startup_time|weight_load_duration)_seconds$/,
  },
  { reason: "realtime_tokens_total says it", names: /^sglang:prefill_effective_tokens_total$/ },
  {
    reason: "the scheduler's own estimate",
    names: /^sglang:(new_token_ratio|decode_sum_seq_lens)$/,
  },
  {
    reason: "requests of a paused engine stay running or queued",
    names: /^sglang:num_paused_reqs$/,
  },
  {
    reason: "not counted: grammars, requests with one, evictions",
    names:
      /^sglang:(num_grammar_queue_reqs|num_so_requests_total|evicted_tokens_total|eviction_duration_seconds)$/,
  },
  {
    reason: "no KV on the host: it goes from pages to pages",
    names: /^sglang:(num_decode_host_receive_queue_reqs|pending_prealloc_token_usage)$/,
  },
  {
    reason: "hands nothing over",
    names: /^sglang:(kv_transfer_|num_prefill_|num_decode_)/,
    pages: ["aggregated"],
  },
];

/** Families that the reference does not have on that page. */
export const oursAlone: readonly Excuse[] = [
  { reason: "ours", names: /^dyn_/ },
  { reason: "the process, by prom-client", names: /^(process|nodejs)_/ },
  {
    reason: "the reference's too, once there is something to count",
    names:
      /^dynamo_frontend_(failures_total|model_(cancellation|rejection|migration|migration_max_seq_len_exceeded)_total)$|^dynamo_component_(errors_total|router_remote_indexer_query_failures_total)$|^dynamo_kvindexer_(errors_total|requests_total|request_duration_seconds)$|^sglang:num_(aborted|retracted)_requests_total$|^sglang:num_(bootstrap|transfer)_failed_reqs_total$/,
  },
  { reason: "how full the tokenizer's cache is", names: /^dynamo_frontend_tokenizer_cache_bytes$/ },
  {
    reason: "a router of its own decides as a frontend's does, and shows as much",
    names: /^dynamo_(component_router|router_overhead|frontend_worker|frontend_router)_/,
    pages: ["router"],
  },
  {
    reason: "a prefill worker answers with the first token, and counts it",
    names: /^sglang:(time_to_first_token|inter_token_latency)_seconds$/,
    pages: ["prefill"],
  },
  {
    reason: "the decode side measures what comes to it, too",
    names: /^sglang:kv_transfer_(speed_gb_s|latency_ms|total_mb)$/,
    pages: ["decode"],
  },
  {
    reason: "the engine's queue, under the names that generation has for it",
    names: /^sglang:(num_running_reqs|num_queue_reqs|prompt_tokens_total|num_requests_total)$/,
    pages: ["embedding"],
  },
];

/** Without a series until there is something to say: no request failed or was refused. */
export const silentUntilUsed = /(backpressure_total|errors_total|failures_total)$/;
