/** The ids of `<0x00>` … `<0xFF>`; -1: the vocabulary lacks it. */
export function readByteTokens(vocab: ReadonlyMap<string, number>): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    const hex = byte.toString(16).toUpperCase().padStart(2, "0");
    return vocab.get(`<0x${hex}>`) ?? -1;
  });
}
