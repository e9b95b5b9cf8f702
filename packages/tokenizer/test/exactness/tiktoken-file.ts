// Makes a tokenizer.json from the byte ranks of js-tiktoken by recovering the merges.
import type { TiktokenBPE } from "js-tiktoken";
import { byteLetters } from "../../src/bytes/byte-alphabet.ts";

/** Ranks by their bytes, each byte as one Latin-1 character. */
function readRanks(packed: string): Map<string, number> {
  const ranks = new Map<string, number>();
  for (const line of packed.split("\n")) {
    const [, first, ...tokens] = line.split(" ");
    for (const [index, token] of tokens.entries()) {
      ranks.set(Buffer.from(token, "base64").toString("latin1"), Number(first) + index);
    }
  }
  return ranks;
}

/** The two parts that merge into `token`: what is left when only earlier merges apply. */
function findMerge(token: string, rank: number, ranks: ReadonlyMap<string, number>): string[] {
  const parts = [...token];
  while (parts.length > 2) {
    let best = rank;
    let at = -1;
    for (let i = 0; i + 1 < parts.length; i++) {
      const found = ranks.get(parts[i]! + parts[i + 1]!);
      if (found !== undefined && found < best) {
        best = found;
        at = i;
      }
    }
    if (at < 0) break;
    parts.splice(at, 2, parts[at]! + parts[at + 1]!);
  }
  return parts;
}

export function createTiktokenFile(data: TiktokenBPE, ignoreMerges: boolean) {
  const ranks = readRanks(data.bpe_ranks);
  const toLetters = (bytes: string): string =>
    Array.from(bytes, (byte) => byteLetters[byte.charCodeAt(0)]!).join("");
  const merges: [string, string][] = [];
  const vocab: Record<string, number> = {};
  for (const [token, rank] of [...ranks].sort((a, b) => a[1] - b[1])) {
    vocab[toLetters(token)] = rank;
    if (token.length === 1) continue;
    const parts = findMerge(token, rank, ranks);
    if (parts.length === 2) merges.push([toLetters(parts[0]!), toLetters(parts[1]!)]);
  }
  return { type: "BPE", ignore_merges: ignoreMerges, vocab, merges };
}
