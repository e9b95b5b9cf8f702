// What a request says beyond its text and sampling: nvext and the headers that say the same. Read in this one place.
import type { IncomingHttpHeaders } from "node:http";
import { InvalidArgumentError, type Nvext, type PreprocessedRequest } from "@dyn/protocol";
import { present } from "./present.ts";

export interface RequestHints {
  /** The request must go to this instance. */
  readonly instanceId: bigint | null;
  readonly routing: NonNullable<PreprocessedRequest["routing"]>;
  readonly annotations: readonly string[];
  /** Fields that the answer's nvext should have. */
  readonly extraFields: ReadonlySet<string>;
  /** Token ids that take the place of the prompt. */
  readonly tokenIds: readonly number[] | null;
  readonly isGreedy: boolean;
  readonly maxThinkingTokens: number | null;
  /** Further fields of the preprocessed request. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The header wins where both say something: a proxy knows better than the client's code. */
export function readRequestHints(options: {
  readonly nvext: Nvext | null | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly cacheSalt: string | null | undefined;
  /** The answer has no text: its ids are asked for. */
  readonly isIdsAlone?: boolean;
  /** Whose key the request came with: its salt is not the client's to choose. */
  readonly tenant?: { readonly priority: number | null; readonly cacheSalt: string | null } | null;
}): RequestHints {
  const { headers } = options;
  const nvext: Nvext = options.nvext ?? {};
  const hints = nvext.agent_hints ?? {};
  const decodeId =
    idHeader(headers, "x-dynamo-worker-instance-id", "x-worker-instance-id") ??
    nvext.decode_worker_id ??
    nvext.backend_instance_id ??
    null;
  const backendId = nvext.backend_instance_id ?? decodeId;
  const prefillId =
    idHeader(headers, "x-dynamo-prefill-instance-id", "x-prefill-instance-id") ??
    nvext.prefill_worker_id;
  const rank =
    countHeader(headers, "x-dynamo-dp-rank", "x-dp-rank", "x-data-parallel-rank") ?? nvext.dp_rank;
  const prefillRank =
    countHeader(headers, "x-dynamo-prefill-dp-rank", "x-prefill-dp-rank") ?? nvext.prefill_dp_rank;
  if (rank != null && decodeId === null) {
    throw new InvalidArgumentError(
      `dp_rank is ${rank}, but no worker is named. Name one by nvext.backend_instance_id or leave dp_rank out.`,
      { param: "nvext.dp_rank" },
    );
  }
  const priority =
    integerHeader(headers, "x-dynamo-request-priority") ??
    hints.priority ??
    (hints.latency_sensitivity == null ? undefined : Math.round(hints.latency_sensitivity)) ??
    options.tenant?.priority ??
    undefined;
  const strictPriority =
    countHeader(headers, "x-dynamo-request-strict-priority") ?? hints.strict_priority;
  const cacheSalt =
    options.tenant?.cacheSalt ??
    textHeader(headers, "x-tenant-id") ??
    nvext.cache_salt ??
    options.cacheSalt ??
    undefined;
  const sessionId = textHeader(headers, "x-dynamo-session-id");
  const parentSessionId = textHeader(headers, "x-dynamo-parent-session-id");
  const extraFields = [
    ...(nvext.extra_fields ?? []),
    ...(options.isIdsAlone === true ? ["completion_token_ids"] : []),
  ];
  const extraArgs = {
    ...(cacheSalt === undefined ? {} : { cache_salt: cacheSalt }),
    ...(nvext.token_data == null ? {} : { token_in: true }),
    ...(extraFields.length === 0 ? {} : { extra_fields: extraFields }),
  };
  return {
    instanceId: decodeId,
    routing: present({
      backend_instance_id: backendId ?? undefined,
      prefill_worker_id: prefillId,
      decode_worker_id: decodeId ?? undefined,
      dp_rank: rank,
      prefill_dp_rank: prefillRank,
      expected_output_tokens: hints.osl,
      cache_salt: cacheSalt,
      priority,
      priority_jump: priority,
      strict_priority: strictPriority,
      policy_class: textHeader(headers, "x-dynamo-meta-policy-class"),
      routing_constraints: nvext.routing_constraints,
    }),
    annotations: nvext.annotations ?? [],
    extraFields: new Set(extraFields),
    tokenIds: nvext.token_data ?? null,
    isGreedy: nvext.greed_sampling === true,
    maxThinkingTokens: nvext.max_thinking_tokens ?? null,
    fields: present({
      extra_args: Object.keys(extraArgs).length === 0 ? undefined : { nvext: extraArgs },
      agent_context:
        sessionId === undefined
          ? undefined
          : {
              session_id: sessionId,
              ...present({ parent_session_id: parentSessionId }),
              input_trigger: "user_message",
            },
      image_cache_scope: sessionId,
      request_timestamp_ms: nvext.request_timestamp_ms,
      router_config_override: nvext.router ?? undefined,
    }),
  };
}

/** What cannot be read counts as not sent, as in the reference. */
function idHeader(headers: IncomingHttpHeaders, ...names: string[]): bigint | undefined {
  const text = textHeader(headers, ...names);
  return text !== undefined && /^\d{1,20}$/.test(text) && BigInt(text) < 2n ** 64n
    ? BigInt(text)
    : undefined;
}

function integerHeader(headers: IncomingHttpHeaders, ...names: string[]): number | undefined {
  const text = textHeader(headers, ...names);
  return text !== undefined && /^-?\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function countHeader(headers: IncomingHttpHeaders, ...names: string[]): number | undefined {
  const value = integerHeader(headers, ...names);
  return value !== undefined && value >= 0 ? value : undefined;
}

function textHeader(headers: IncomingHttpHeaders, ...names: string[]): string | undefined {
  for (const name of names) {
    const value = headers[name];
    if (typeof value === "string" && value !== "") return value;
  }
  return undefined;
}
