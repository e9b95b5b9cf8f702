/** Block hashes as events carry them. Decoders give typed arrays; an engine may give bigints, signed or not. */
export type BlockIds = BigInt64Array | BigUint64Array | readonly bigint[];

/** The 64-bit patterns as unsigned numbers; no copy of a typed array. */
export function toUnsignedIds(ids: BlockIds): BigUint64Array {
  if (ids instanceof BigUint64Array) return ids;
  if (ids instanceof BigInt64Array) {
    return new BigUint64Array(ids.buffer, ids.byteOffset, ids.length);
  }
  return BigUint64Array.from(ids, (id) => BigInt.asUintN(64, id));
}

/** The same memory as [2 x length] words: low, high, low, high. */
export function toWords(ids: BigInt64Array | BigUint64Array): Uint32Array {
  return new Uint32Array(ids.buffer, ids.byteOffset, ids.length * 2);
}

/** The same, signed. */
export function toSignedWords(ids: BigInt64Array | BigUint64Array): Int32Array {
  return new Int32Array(ids.buffer, ids.byteOffset, ids.length * 2);
}
