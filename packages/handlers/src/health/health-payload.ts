// The request that shows whether a worker still computes, by its type. Field by field the reference's.
import { fakeBootstrapHost } from "@dyn/protocol";

interface TokenPayloadOptions {
  /** `null`: the model has none. */
  readonly bosTokenId: number | null;
}

/** Of an aggregated worker: one greedy token. */
export function tokenHealthPayload({ bosTokenId }: TokenPayloadOptions) {
  return {
    stop_conditions: { max_tokens: 1, ignore_eos: false },
    sampling_options: { temperature: 0, top_p: 1, top_k: -1 },
    eos_token_ids: [] as number[],
    annotations: [] as string[],
    token_ids: [bosTokenId ?? 1],
  };
}

/** Of a prefill or decode worker: it meets nobody, and a prefill worker shows its token. */
export function disaggregatedHealthPayload(
  options: TokenPayloadOptions & { readonly bootstrapPort: number | null },
) {
  return {
    bootstrap_info: {
      bootstrap_host: fakeBootstrapHost,
      bootstrap_port: options.bootstrapPort ?? 0,
      bootstrap_room: 0,
    },
    ...tokenHealthPayload(options),
    _HEALTH_CHECK: true,
  };
}
