// Whether a prompt goes to the pool, before anybody is asked.
import type { PreprocessedRequest } from "@dyn/protocol";
import type { KvRouter } from "../choice/kv-router.ts";
import type { ConditionalSettings } from "./conditional-settings.ts";
import type { PrefillDecision, PrefillReason } from "./prefill-decision.ts";
import { skipsPrefillPool } from "./skips-prefill-pool.ts";

export type Plan = Pick<
  PrefillDecision,
  "flow" | "reason" | "uncachedTokens" | "isPrefillBusy" | "isDecodeBusy"
>;

interface Side {
  /** `null` in the modes that know nothing of caches. */
  readonly router: KvRouter | null;
  readonly workerIds: readonly bigint[];
}

const unseen = { uncachedTokens: null, isPrefillBusy: null, isDecodeBusy: null };

/** The rule. */
export const planPool: Plan = Object.freeze({ flow: "concurrent", reason: "pool", ...unseen });

export function planLocal(reason: PrefillReason): Plan {
  return { flow: "local", reason, ...unseen };
}

/** `conditional`: `null` where every prompt goes to the pool. */
export function planPrefill(
  request: PreprocessedRequest,
  {
    conditional,
    decode,
    prefill,
  }: {
    readonly conditional: ConditionalSettings | null;
    readonly decode: Side;
    readonly prefill: Side;
  },
): Plan {
  if (conditional === null || decode.router === null || prefill.router === null) return planPool;
  const { prefillBusy, decodeBusy } = conditional;
  const tokenCount = request.token_ids.length;
  const decoder = decode.router.preview({ request, workerIds: decode.workerIds });
  const prefiller = prefill.router.preview({ request, workerIds: prefill.workerIds });
  const facts = {
    uncachedTokens: tokenCount - Math.floor(decoder?.cachedTokens ?? 0),
    isPrefillBusy:
      prefiller === null ||
      (prefillBusy !== null &&
        prefill.router.isAbove(prefiller, { activePrefillTokensFrac: prefillBusy })),
    isDecodeBusy:
      decoder === null ||
      (decodeBusy !== null && decode.router.isAbove(decoder, { activeDecodeBlocks: decodeBusy })),
  };
  const reason = skipsPrefillPool(conditional, { tokenCount, ...facts });
  return reason === null ? { ...planPool, ...facts } : { flow: "local", reason, ...facts };
}
