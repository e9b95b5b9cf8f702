// Where a decode worker takes its request over: what the request says of its prefill.
import type { EngineInfo, RequestDisaggregation } from "@dyn/engine";
import { BootstrapInfo, fakeBootstrapHost, type PreprocessedRequest } from "@dyn/protocol";

/** `null`: the prompt is computed here. Health checks are: their token is to be a real one. */
export function decodeMeeting(
  request: PreprocessedRequest,
  { disaggregation }: EngineInfo,
): RequestDisaggregation | null {
  if (disaggregation?.mode !== "decode") return null;
  const info = request.bootstrap_info ?? readResult(request);
  if (info === null || info.bootstrap_host === fakeBootstrapHost) return null;
  return {
    role: "decode",
    bootstrapHost: info.bootstrap_host,
    bootstrapPort: info.bootstrap_port,
    bootstrapRoom: BigInt(info.bootstrap_room),
    prefillDpRank: request.routing?.prefill_dp_rank ?? null,
  };
}

/** A prefill worker that was asked first has said it; another make's words lead nowhere. */
function readResult({ prefill_result: result }: PreprocessedRequest): BootstrapInfo | null {
  const parsed = BootstrapInfo.safeParse(result?.disaggregated_params);
  return parsed.success ? parsed.data : null;
}
