/** An image, sound or video whose placeholder tokens stand in a block. */
export interface MediaObject {
  /** u64 */
  readonly mmHash: bigint;
  /** Token ranges from the block's start, end excluded. They do not enter the block's hash. */
  readonly offsets: readonly (readonly [from: number, to: number])[];
}

/** For each block what stands in it. A short list leaves the rest without. */
export type BlockMedia = readonly (readonly MediaObject[] | null)[];

export function toMmHashes(media: BlockMedia | null | undefined): (bigint[] | null)[] | undefined {
  return media?.map((objects) => objects?.map(({ mmHash }) => mmHash) ?? null);
}
