import type { PreprocessedRequest } from "@dyn/protocol";
import { parseRequest } from "../request/parse-request.ts";

/** Flat, as frontends send it, or `{ request, sampling_params }`, as Dynamo 1.0 wrapped it. */
export function unwrapRequest(body: unknown): PreprocessedRequest {
  if (!isRecord(body) || !isRecord(body.request) || !isRecord(body.sampling_params)) {
    return parseRequest(body);
  }
  const { request, sampling_params: params, ...outer } = body;
  const { max_new_tokens: _, ignore_eos: ignoreEos, sampling_seed: seed, ...sampling } = params;
  return parseRequest({
    stop_conditions: { ignore_eos: ignoreEos },
    sampling_options: { ...sampling, ...(seed === undefined ? {} : { seed }) },
    eos_token_ids: [],
    annotations: [],
    ...outer,
    ...request,
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
