// The bytes of a stored block without media whose two hashes take 9 bytes each, as nearly all do: between the hashes nothing
// ever differs. Written from a template, and read by comparing with it.
import { msgpackKey } from "../msgpack/msgpack-key.ts";

const wideInteger = Uint8Array.of(0xcf, 0, 0, 0, 0, 0, 0, 0, 0);
const blockHash = msgpackKey("block_hash");
const tokensHash = msgpackKey("tokens_hash");

/** {block_hash: u64, tokens_hash: u64, mm_extra_info: nil}, in Dynamo's order. */
export const wideBlock: Uint8Array = Buffer.concat([
  Uint8Array.of(0x83),
  blockHash,
  wideInteger,
  tokensHash,
  wideInteger,
  msgpackKey("mm_extra_info"),
  Uint8Array.of(0xc0),
]);
/** Where the 8 bytes of the hashes begin. */
export const wideIdAt = 1 + blockHash.length + 1;
export const wideLocalAt = wideIdAt + 8 + tokensHash.length + 1;

const view = new DataView(wideBlock.buffer, wideBlock.byteOffset, wideBlock.length);
/** Offsets of words of 4 bytes that cover all but the hashes. */
const fixed = [
  [0, wideIdAt],
  [wideIdAt + 8, wideLocalAt],
  [wideLocalAt + 8, wideBlock.length],
].flatMap(([from, to]) => {
  const offsets: number[] = [];
  for (let at = from!; at < to!; at += 4) offsets.push(Math.min(at, to! - 4));
  return offsets;
});
const fixedAt = Int32Array.from(fixed);
const fixedWords = Int32Array.from(fixed, (at) => view.getInt32(at));

/** Whether such a block stands at `at`. */
export function isWideBlock(bytes: DataView, at: number): boolean {
  if (at + wideBlock.length > bytes.byteLength) return false;
  for (let i = 0; i < fixedAt.length; i++) {
    if (bytes.getInt32(at + fixedAt[i]!) !== fixedWords[i]) return false;
  }
  return true;
}
