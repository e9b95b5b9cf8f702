// Unigram: of all ways to cut a piece into tokens, the one of the greatest summed score.
import type { Component } from "../file/tokenizer-json.ts";
import type { IdList } from "../pipeline/id-list.ts";
import { readByteTokens } from "./byte-tokens.ts";
import type { PieceModel } from "./piece-model.ts";
import { readScore } from "./read-score.ts";

/** What an unknown character costs below the worst token. */
const UNKNOWN_PENALTY = 10;

interface TrieNode {
  /** -1: no token ends here. */
  id: number;
  readonly next: Map<number, TrieNode>;
}

/** null: no unknown token, so that some text has no tokens. */
export function createUnigram(
  model: Component,
  vocab: ReadonlyMap<string, number>,
): PieceModel | null {
  const entries = model.vocab as readonly (readonly [string, number])[];
  const unknown = model.unk_id;
  if (typeof unknown !== "number" || entries[unknown] === undefined) return null;
  return new Unigram(entries, vocab, unknown, model.byte_fallback === true);
}

const utf8 = new TextEncoder();

class Unigram implements PieceModel {
  readonly #scores: Float64Array;
  readonly #root: TrieNode = { id: -1, next: new Map() };
  readonly #unknown: number;
  readonly #unknownScore: number;
  readonly #vocab: ReadonlyMap<string, number>;
  readonly #byteIds: Int32Array | null;

  constructor(
    entries: readonly (readonly [string, number])[],
    vocab: ReadonlyMap<string, number>,
    unknown: number,
    hasByteFallback: boolean,
  ) {
    this.#scores = Float64Array.from(entries, ([, score]) => readScore(score));
    this.#unknownScore = this.#scores.reduce((a, b) => Math.min(a, b), Infinity) - UNKNOWN_PENALTY;
    this.#unknown = unknown;
    this.#vocab = vocab;
    const byteIds = hasByteFallback ? readByteTokens(vocab) : null;
    this.#byteIds = byteIds?.includes(-1) === false ? byteIds : null;
    for (const [token, id] of vocab) if (token !== "") this.#insert(token, id);
  }

  encode(piece: string, out: IdList): void {
    const { starts, ids } = this.#bestPath(piece);
    const cuts: number[] = [];
    let wasUnknown = false;
    for (let end = piece.length; end > 0; end = starts[end]!) {
      const isUnknown = ids[end] === this.#unknown;
      if (!(isUnknown && wasUnknown)) cuts.push(end);
      wasUnknown = isUnknown;
    }
    let start = 0;
    for (const end of cuts.reverse()) {
      const text = piece.slice(start, end);
      const id = this.#vocab.get(text);
      if (id !== undefined) out.push(id);
      else this.#pushUnknown(text, out);
      start = end;
    }
  }

  /** By end position in UTF-16 units: where the last token of the best cut begins, and its id. */
  #bestPath(piece: string): { starts: Int32Array; ids: Int32Array } {
    const scores = new Float64Array(piece.length + 1);
    const starts = new Int32Array(piece.length + 1).fill(-1);
    const ids = new Int32Array(piece.length + 1);
    const offer = (start: number, end: number, id: number, score: number): void => {
      const total = score + scores[start]!;
      if (starts[end] !== -1 && total <= scores[end]!) return;
      scores[end] = total;
      starts[end] = start;
      ids[end] = id;
    };
    for (let start = 0; start < piece.length; ) {
      const width = piece.codePointAt(start)! > 0xffff ? 2 : 1;
      let hasSingle = false;
      let node = this.#root.next.get(piece.charCodeAt(start));
      for (let end = start + 1; node !== undefined; end++) {
        if (node.id >= 0) {
          offer(start, end, node.id, this.#scores[node.id]!);
          if (end - start === width) hasSingle = true;
        }
        node = end < piece.length ? node.next.get(piece.charCodeAt(end)) : undefined;
      }
      if (!hasSingle) offer(start, start + width, this.#unknown, this.#unknownScore);
      start += width;
    }
    return { starts, ids };
  }

  #pushUnknown(text: string, out: IdList): void {
    if (this.#byteIds === null) out.push(this.#unknown);
    else for (const byte of utf8.encode(text)) out.push(this.#byteIds[byte]!);
  }

  #insert(token: string, id: number): void {
    let node = this.#root;
    for (let i = 0; i < token.length; i++) {
      const unit = token.charCodeAt(i);
      let next = node.next.get(unit);
      if (next === undefined) {
        next = { id: -1, next: new Map() };
        node.next.set(unit, next);
      }
      node = next;
    }
    node.id = id;
  }
}
