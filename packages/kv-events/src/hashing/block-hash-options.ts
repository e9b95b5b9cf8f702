import { InvalidArgumentError } from "@dyn/protocol";

/** Largest block that is hashed, in tokens. */
const maxBlockSize = 16_384;
const maxU64 = 2n ** 64n - 1n;

/** What else than its tokens names a block. */
export interface BlockHashOptions {
  /** Tokens of one block: SGLang's page size x its decode-context-parallel size. */
  readonly blockSize: number;
  /** Empty is the same as none. */
  readonly loraName?: string | null | undefined;
  /** Empty is the same as none. */
  readonly cacheSalt?: string | null | undefined;
  /** For each block the hashes of the media objects in it, u64, in any order. A short list leaves the rest without. */
  readonly blockMmHashes?: readonly (readonly bigint[] | null)[] | undefined;
  /** EAGLE's blocks reach one token into the next. */
  readonly isEagle?: boolean | undefined;
}

/** The number of complete blocks in so many tokens. Throws an InvalidArgumentError for options that name none. */
export function checkBlockHashOptions(tokenCount: number, options: BlockHashOptions): number {
  const { blockSize, blockMmHashes, isEagle } = options;
  if (!Number.isInteger(blockSize) || blockSize < 1 || blockSize > maxBlockSize) {
    throw new InvalidArgumentError(
      `blockSize is ${blockSize}; give the tokens of one block, 1 to ${maxBlockSize}.`,
      { param: "block_size" },
    );
  }
  for (const mmHash of blockMmHashes?.flatMap((hashes) => hashes ?? []) ?? []) {
    if (typeof mmHash !== "bigint" || mmHash < 0n || mmHash > maxU64) {
      throw new InvalidArgumentError(
        `A media hash is ${mmHash}; give a bigint from 0 to 2^64 - 1.`,
        { param: "block_mm_infos" },
      );
    }
  }
  return Math.max(0, Math.floor((isEagle ? tokenCount - 1 : tokenCount) / blockSize));
}
