export type { BlockHashOptions } from "./hashing/block-hash-options.ts";
export { type BlockHasher, type BlockHashes, createBlockHasher } from "./hashing/block-hasher.ts";
