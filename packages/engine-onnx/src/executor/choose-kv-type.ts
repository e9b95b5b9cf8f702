import { InvalidArgumentError } from "@dyn/protocol";
import type { AttentionKind } from "../graph/decoder-graph.ts";
import { whyNoHalfFloats } from "../kernel/processor-features.ts";
import type { KvElementType } from "./kv-element-type.ts";

export const kvCacheDtypes = ["auto", "float16", "float32"] as const;
export type KvCacheDtype = (typeof kvCacheDtypes)[number];

/**
 * `auto` halves KV where the weights are rounded anyway, and keeps it exact where they are exact.
 * `why` is worth a line in a log.
 */
export function chooseKvType(
  option: KvCacheDtype,
  quantization: "q8" | null,
  attention: { readonly kind: AttentionKind; readonly why: string },
): { type: KvElementType; why: string } {
  if (!kvCacheDtypes.includes(option)) {
    throw new InvalidArgumentError(
      `kvCacheDtype is ${JSON.stringify(option)}; it must be one of ${kvCacheDtypes.join(", ")}.`,
      { param: "kvCacheDtype" },
    );
  }
  if (option === "float32" || (option === "auto" && quantization === null)) {
    return { type: "float32", why: "KV in float32" };
  }
  const reason = attention.kind === "pages" ? whyNoHalfFloats() : attention.why;
  if (reason === null) return { type: "float16", why: "KV in float16" };
  if (option === "auto") return { type: "float32", why: `KV in float32 (float16: ${reason})` };
  throw new InvalidArgumentError(
    `kvCacheDtype "float16" needs attention in pages on a processor with F16C, which is not to be had here (${reason}). Use "float32" or "auto".`,
    { param: "kvCacheDtype" },
  );
}
