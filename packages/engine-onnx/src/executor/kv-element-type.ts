// The types that KV is kept in.

/** float16 as its bits: JavaScript only carries it from place to place. */
export interface KvArrays {
  readonly float32: Float32Array;
  readonly float16: Uint16Array;
}

export type KvElementType = keyof KvArrays;

export const kvArrays = { float32: Float32Array, float16: Uint16Array } as const;
