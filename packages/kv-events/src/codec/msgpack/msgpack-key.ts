/** A key below 32 bytes as MessagePack, its type byte included: to compare and write without making strings. */
export function msgpackKey(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  return Uint8Array.of(0xa0 | bytes.length, ...bytes);
}

export interface KeySet {
  readonly names: readonly string[];
  readonly encoded: readonly Uint8Array[];
}

export function keySet(...names: string[]): KeySet {
  return { names, encoded: names.map(msgpackKey) };
}
