// What a worker's card says of the KV that it hands over or takes over, so that pairs which cannot work are seen when
// they register and not by a request.
import { z } from "zod";

const count = z.number().int().nonnegative();
const atLeastOne = z.number().int().positive();

/** Of one rank; the engine's KvLayout. */
export const KvTerms = z.object({
  /** Names the arrangement of a run of tokens. */
  format: z.string(),
  elementType: z.string(),
  layerCount: count,
  kvHeadCount: count,
  headDim: count,
  tensorParallelSize: atLeastOne,
  bytesPerToken: atLeastOne,
  pageSize: atLeastOne,
});
export type KvTerms = z.infer<typeof KvTerms>;

export const HandOverTerms = z.object({
  /** Of what the two engines say to each other. */
  protocolVersion: z.number().int().positive(),
  /** Ways by which KV can go. Empty: not said. */
  transports: z.array(z.string()),
  /** `null`: not said, or in words of another version. */
  kv: KvTerms.nullable(),
});
export type HandOverTerms = z.infer<typeof HandOverTerms>;

/** Page sizes may differ: what changes hands are runs of tokens, which have none. */
const mustAgree = [
  ["format", "the arrangement of KV"],
  ["elementType", "the type of KV elements"],
  ["layerCount", "layers"],
  ["tensorParallelSize", "the tensor-parallel degree"],
  ["kvHeadCount", "KV heads per rank"],
  ["headDim", "the size of a head"],
  ["bytesPerToken", "bytes of KV per token"],
] as const satisfies readonly (readonly [keyof KvTerms, string])[];

/** What keeps two engines from handing over to each other, each by name; empty = nothing. */
export function compareKvTerms(prefill: KvTerms, decode: KvTerms): string[] {
  return mustAgree
    .filter(([field]) => prefill[field] !== decode[field])
    .map(
      ([field, name]) => `${name} is ${prefill[field]} in prefill and ${decode[field]} in decode`,
    );
}

/** The same of two cards. What one of them does not say is taken for agreed: the engines look again when they meet. */
export function compareHandOverTerms(prefill: HandOverTerms, decode: HandOverTerms): string[] {
  if (prefill.protocolVersion !== decode.protocolVersion) {
    return [
      `the protocol is ${prefill.protocolVersion} in prefill and ${decode.protocolVersion} in decode`,
    ];
  }
  const differences =
    prefill.kv === null || decode.kv === null ? [] : compareKvTerms(prefill.kv, decode.kv);
  const [ways, otherWays] = [prefill.transports, decode.transports];
  const isWayless =
    ways.length > 0 && otherWays.length > 0 && !ways.some((way) => otherWays.includes(way));
  return isWayless
    ? [
        ...differences,
        `the transport is ${ways.join()} in prefill and ${otherWays.join()} in decode`,
      ]
    : differences;
}

const WireTerms = z.looseObject({
  version: z.number().int().positive(),
  transports: z.array(z.string()).catch([]),
  kv: z
    .looseObject({
      format: z.string(),
      element_type: z.string(),
      layer_count: count,
      kv_head_count: count,
      head_dim: count,
      tensor_parallel_size: atLeastOne,
      bytes_per_token: atLeastOne,
      page_size: atLeastOne,
    })
    .nullish()
    .catch(null),
});

/** Under this name in `runtime_config.runtime_data`, which frontends of other makes pass by. */
export const handOverTermsKey = "dyn_hand_over";

export function handOverTermsToWire({ protocolVersion, transports, kv }: HandOverTerms) {
  return {
    version: protocolVersion,
    transports,
    kv: kv && {
      format: kv.format,
      element_type: kv.elementType,
      layer_count: kv.layerCount,
      kv_head_count: kv.kvHeadCount,
      head_dim: kv.headDim,
      tensor_parallel_size: kv.tensorParallelSize,
      bytes_per_token: kv.bytesPerToken,
      page_size: kv.pageSize,
    },
  };
}

/** `null`: the worker says nothing that can be read. */
export function wireToHandOverTerms(value: unknown): HandOverTerms | null {
  const parsed = WireTerms.safeParse(value);
  if (!parsed.success) return null;
  const { version, transports, kv } = parsed.data;
  return {
    protocolVersion: version,
    transports,
    kv: kv
      ? {
          format: kv.format,
          elementType: kv.element_type,
          layerCount: kv.layer_count,
          kvHeadCount: kv.kv_head_count,
          headDim: kv.head_dim,
          tensorParallelSize: kv.tensor_parallel_size,
          bytesPerToken: kv.bytes_per_token,
          pageSize: kv.page_size,
        }
      : null,
  };
}
