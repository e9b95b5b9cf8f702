// Block ids as SGLang makes them: a SHA-256 chain over the tokens of pages.
// Token ids enter as little-endian u32: the byte order of every platform that Node runs on but s390x, which is not supported.
import { createHash } from "node:crypto";

/** Bytes of one link of the chain. */
export const digestBytes = 32;

/** What a salted chain starts from; `null` for the unsalted one, which starts from nothing. */
export function saltToDigest(cacheSalt: string | null): Uint8Array | null {
  if (cacheSalt === null) return null;
  return createHash("sha256").update("sglang-cache-salt-v1\0").update(cacheSalt, "utf8").digest();
}

/**
 * Digests of consecutive pages. `tokens`: [pageCount x pageSize]; `previous`: digest of the page before,
 * or of the salt; `null` at an unsalted root. Returns [pageCount x 32].
 */
export function hashPages(
  tokens: Uint32Array,
  pageSize: number,
  previous: Uint8Array | null,
): Uint8Array {
  const pageCount = Math.floor(tokens.length / pageSize);
  const digests = new Uint8Array(pageCount * digestBytes);
  let link = previous;
  for (let page = 0; page < pageCount; page++) {
    const bytes = new Uint8Array(
      tokens.buffer,
      tokens.byteOffset + page * pageSize * 4,
      pageSize * 4,
    );
    const hash = createHash("sha256");
    if (link !== null) hash.update(link);
    link = hash.update(bytes).digest();
    digests.set(link, page * digestBytes);
  }
  return digests;
}

/** First 8 bytes, big-endian, signed. */
export function digestToBlockHash(digests: Uint8Array, page: number): bigint {
  const view = new DataView(digests.buffer, digests.byteOffset + page * digestBytes, 8);
  return view.getBigInt64(0);
}
