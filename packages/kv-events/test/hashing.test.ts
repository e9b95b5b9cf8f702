// Block hashes: Dynamo's recorded vectors, and an XXH3 that is not ours.
import { readFileSync } from "node:fs";
import { createBlockHasher } from "@dyn/kv-events";
import { xxh3 } from "@node-rs/xxhash";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileWasm } from "../scripts/compile-wasm.ts";
import { moduleText } from "../scripts/module-text.ts";
import { wasmSources } from "../scripts/wasm-sources.ts";

interface Vector {
  readonly name: string;
  readonly block_size: number;
  readonly tokens?: readonly number[];
  readonly tokens_rule?: string;
  readonly lora_name?: string;
  readonly cache_namespace?: string;
  readonly is_eagle?: boolean;
  readonly block_mm_infos?: readonly ({
    readonly mm_objects?: readonly { readonly mm_hash: number | string }[];
  } | null)[];
  readonly local_hashes_u64?: readonly string[];
  readonly sequence_hashes_u64?: readonly string[];
  readonly error?: string;
}

const vectors = JSON.parse(
  readFileSync(new URL("./fixtures/hash-vectors.json", import.meta.url), "utf8"),
) as Vector[];

/** In the fixtures an integer beyond 2^53 is a string that ends with n. */
const toBigint = (value: number | string) => BigInt(String(value).replace(/n$/, ""));

const hasher = createBlockHasher();

function hashVector(vector: Vector) {
  const range = vector.tokens_rule?.match(/^range\(0,(\d+)\)$/);
  const tokens = range ? Array.from({ length: Number(range[1]) }, (_, i) => i) : vector.tokens!;
  return hasher.hashTokens(tokens, {
    blockSize: vector.block_size,
    loraName: vector.lora_name,
    cacheSalt: vector.cache_namespace,
    isEagle: vector.is_eagle,
    blockMmHashes: vector.block_mm_infos?.map(
      (info) => info?.mm_objects?.map(({ mm_hash }) => toBigint(mm_hash)) ?? null,
    ),
  });
}

describe("recorded vectors", () => {
  // The shape of media records is checked where they are read, not here.
  const hashable = vectors.filter(({ name }) => !/^mm_(no_offsets_key|bad_shape)$/.test(name));
  it.each(hashable.map((vector) => [vector.name, vector] as const))("%s", (_, vector) => {
    if (vector.error !== undefined) {
      expect(() => hashVector(vector)).toThrow(/blockSize is 0|Token 0 is|media hash is -1/);
      return;
    }
    const { localHashes, sequenceHashes } = hashVector(vector);
    expect(Array.from(localHashes, String)).toEqual(vector.local_hashes_u64);
    expect(Array.from(sequenceHashes, String)).toEqual(vector.sequence_hashes_u64);
  });
});

describe("against another XXH3", () => {
  it("every length up to 1,400 bytes hashes the same", () => {
    const bytes = Buffer.from(Array.from({ length: 1400 }, (_, i) => (i * 131 + (i >> 3)) & 0xff));
    for (let length = 0; length <= bytes.length; length++) {
      const part = bytes.subarray(0, length);
      for (const seed of [0n, 1n, 1337n, 2n ** 64n - 1n]) {
        if (hasher.hashBytes(part, seed) !== xxh3.xxh64(part, seed)) {
          expect.fail(`${length} bytes with seed ${seed} differ`);
        }
      }
    }
  });

  it("any bytes with any seed hash the same", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 5000 }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (bytes, seed) => hasher.hashBytes(bytes, seed) === xxh3.xxh64(bytes, seed),
      ),
      { numRuns: 500 },
    );
  });

  it("blocks and chains of any prompt are those of the definition, over many passes too", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 130 }),
        fc.integer({ min: 0, max: 100_000 }),
        fc.integer({ min: 1, max: 2 ** 31 }),
        fc.boolean(),
        (blockSize, tokenCount, factor, isEagle) => {
          const tokens = Uint32Array.from({ length: tokenCount }, (_, i) => Math.imul(i, factor));
          const { localHashes, sequenceHashes } = hasher.hashTokens(tokens, { blockSize, isEagle });
          const bytes = Buffer.from(tokens.buffer);
          const link = Buffer.alloc(16);
          let previous: bigint | null = null;
          const span = isEagle ? 1 : 0;
          expect(localHashes.length).toBe(Math.max(0, Math.floor((tokenCount - span) / blockSize)));
          for (let i = 0; i < localHashes.length; i++) {
            const block = bytes.subarray(i * blockSize * 4, ((i + 1) * blockSize + span) * 4);
            const local = xxh3.xxh64(block, 1337n);
            link.writeBigUInt64LE(previous ?? 0n, 0);
            link.writeBigUInt64LE(local, 8);
            previous = previous === null ? local : xxh3.xxh64(link, 1337n);
            if (localHashes[i] !== local || sequenceHashes[i] !== previous) {
              expect.fail(`block ${i} of ${localHashes.length} differs`);
            }
          }
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe("chain", () => {
  it("goes on where an earlier one ended", () => {
    const { localHashes, sequenceHashes } = hasher.hashTokens(
      Uint32Array.from({ length: 100 }, (_, i) => i),
      { blockSize: 4 },
    );
    expect(hasher.chain(localHashes)).toEqual(sequenceHashes);
    expect(hasher.chain(localHashes.subarray(10), sequenceHashes[9])).toEqual(
      sequenceHashes.subarray(10),
    );
  });
});

describe("the compiled modules", () => {
  it.each(wasmSources)("$source is what its source compiles to", async (source) => {
    expect(moduleText(source, await compileWasm(source))).toBe(readFileSync(source.target, "utf8"));
  });
});
