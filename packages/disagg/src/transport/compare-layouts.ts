import type { KvLayout } from "@dyn/engine";

/** Page sizes may differ: runs of tokens have none. */
const mustAgree = [
  ["format", "the arrangement of KV"],
  ["elementType", "the type of KV elements"],
  ["layerCount", "layers"],
  ["tensorParallelSize", "the tensor-parallel degree"],
  ["kvHeadCount", "KV heads per rank"],
  ["headDim", "the size of a head"],
  ["bytesPerToken", "bytes of KV per token"],
] as const satisfies readonly (readonly [keyof KvLayout, string])[];

/** What keeps two engines from handing over to each other, each by name; empty = nothing. */
export function compareLayouts(prefill: KvLayout, decode: KvLayout): string[] {
  return mustAgree
    .filter(([field]) => prefill[field] !== decode[field])
    .map(
      ([field, name]) => `${name} is ${prefill[field]} in prefill and ${decode[field]} in decode`,
    );
}
