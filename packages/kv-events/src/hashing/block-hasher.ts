// Block hashes as Dynamo 1.6.1 computes them. A local hash names one block's content, a sequence hash names the whole
// prefix that ends with a block. The index, the router and the relay must all agree on these.
// Tokens enter as little-endian u32: the byte order of every platform that Node runs on but s390x, which is not supported.
import { InvalidArgumentError } from "@dyn/protocol";
import { type BlockHashOptions, checkBlockHashOptions } from "./block-hash-options.ts";
import { hashSeed } from "./hash-seed.ts";
import { passHashes, Xxh3 } from "./xxh3.ts";

const loraSeed = 0n;
const saltSeed = 1n;

export interface BlockHashes {
  /** [blockCount] content of each block, u64 */
  readonly localHashes: BigUint64Array;
  /** [blockCount] prefix up to and with each block, u64 */
  readonly sequenceHashes: BigUint64Array;
}

export interface BlockHasher {
  /** Of every complete block; what is left over at the end has none. */
  hashTokens(tokenIds: Uint32Array | readonly number[], options: BlockHashOptions): BlockHashes;
  /** The same without sequence hashes. */
  hashBlocks(tokenIds: Uint32Array | readonly number[], options: BlockHashOptions): BigUint64Array;
  /** `previous`: sequence hash of the block before the first one; `null` at a root. */
  chain(localHashes: BigUint64Array, previous?: bigint | null): BigUint64Array;
  /** XXH3-64 of up to 128 KiB. */
  hashBytes(bytes: Uint8Array, seed: bigint): bigint;
}

/** Takes 0.7 MB and about a millisecond: make one per thread and keep it. */
export function createBlockHasher(): BlockHasher {
  const xxh3 = new Xxh3();

  function hashBytes(bytes: Uint8Array, seed: bigint): bigint {
    if (bytes.length > xxh3.input.length) {
      throw new InvalidArgumentError(
        `${bytes.length} bytes are to be hashed at once; ${xxh3.input.length} is the most.`,
      );
    }
    xxh3.input.set(bytes);
    return xxh3.hash(bytes.length, seed);
  }

  function seedOf({ loraName, cacheSalt }: BlockHashOptions): bigint {
    let seed = hashSeed;
    if (loraName) seed += hashBytes(Buffer.from(loraName), loraSeed);
    if (cacheSalt) seed += hashBytes(Buffer.from(cacheSalt), saltSeed);
    return BigInt.asUintN(64, seed);
  }

  function run(
    tokenIds: Uint32Array | readonly number[],
    options: BlockHashOptions,
    localHashes: BigUint64Array,
    sequenceHashes: BigUint64Array | null,
  ): void {
    const { blockSize, blockMmHashes } = options;
    const windowSize = blockSize + (options.isEagle ? 1 : 0);
    const seed = seedOf(options);
    const passBlocks = Math.floor((passHashes - windowSize) / blockSize) + 1;
    let previous: bigint | null = null;
    for (let first = 0; first < localHashes.length; first += passBlocks) {
      const count = Math.min(passBlocks, localHashes.length - first);
      const from = first * blockSize;
      const to = from + (count - 1) * blockSize + windowSize;
      if (tokenIds instanceof Uint32Array) xxh3.inputWords.set(tokenIds.subarray(from, to));
      else copyTokens(tokenIds, from, to, xxh3.inputWords);
      xxh3.hashBlocks(count, blockSize * 4, windowSize * 4, seed);
      if (blockMmHashes !== undefined) {
        for (let i = 0; i < count; i++) {
          const mmHashes = blockMmHashes[first + i];
          if (!mmHashes || mmHashes.length === 0) continue;
          const at = from + i * blockSize;
          xxh3.hashes[i] = hashWithMedia(tokenIds.slice(at, at + windowSize), mmHashes, seed);
        }
      }
      localHashes.set(xxh3.hashes.subarray(0, count), first);
      if (sequenceHashes === null) continue;
      xxh3.chain(count, previous, hashSeed);
      sequenceHashes.set(xxh3.chained.subarray(0, count), first);
      previous = xxh3.chained[count - 1]!;
    }
  }

  /** The objects' hashes follow the tokens, smallest first. */
  function hashWithMedia(
    tokens: Uint32Array | readonly number[],
    mmHashes: readonly bigint[],
    seed: bigint,
  ): bigint {
    const bytes = Buffer.alloc(tokens.length * 4 + mmHashes.length * 8);
    for (let i = 0; i < tokens.length; i++) bytes.writeUInt32LE(tokens[i]!, i * 4);
    const ordered = BigUint64Array.from(mmHashes).sort();
    for (let i = 0; i < ordered.length; i++) {
      bytes.writeBigUInt64LE(ordered[i]!, tokens.length * 4 + i * 8);
    }
    return hashBytes(bytes, seed);
  }

  return {
    hashTokens(tokenIds, options) {
      const blockCount = checkBlockHashOptions(tokenIds.length, options);
      const localHashes = new BigUint64Array(blockCount);
      const sequenceHashes = new BigUint64Array(blockCount);
      run(tokenIds, options, localHashes, sequenceHashes);
      return { localHashes, sequenceHashes };
    },
    hashBlocks(tokenIds, options) {
      const localHashes = new BigUint64Array(checkBlockHashOptions(tokenIds.length, options));
      run(tokenIds, options, localHashes, null);
      return localHashes;
    },
    chain(localHashes, previous = null) {
      const sequenceHashes = new BigUint64Array(localHashes.length);
      for (let first = 0; first < localHashes.length; first += passHashes) {
        const count = Math.min(passHashes, localHashes.length - first);
        xxh3.hashes.set(localHashes.subarray(first, first + count));
        xxh3.chain(count, previous, hashSeed);
        sequenceHashes.set(xxh3.chained.subarray(0, count), first);
        previous = xxh3.chained[count - 1]!;
      }
      return sequenceHashes;
    },
    hashBytes,
  };
}

function copyTokens(
  tokenIds: readonly number[],
  from: number,
  to: number,
  into: Uint32Array,
): void {
  for (let i = from; i < to; i++) {
    const token = tokenIds[i]!;
    if (token >>> 0 !== token) {
      throw new InvalidArgumentError(
        `Token ${i} is ${token}; a token id is a whole number from 0 to 4294967295.`,
        { param: "token_ids" },
      );
    }
    into[i - from] = token;
  }
}
