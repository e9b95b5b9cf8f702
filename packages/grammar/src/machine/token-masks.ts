// Which tokens may come at a position: a walk over the vocabulary's trie, done once per position and kept with it.
import type { TokenTrie } from "../vocabulary/token-trie.ts";
import { forbidden, type Machine, type Position } from "./machine.ts";

/** The most that TokenTrie.plainLengths tells. */
const maxPlainLength = 254;

type TrieNodes = Pick<TokenTrie, "bytes" | "depths" | "ends" | "tokens" | "plainLengths">;

export class TokenMasks {
  readonly trie: TokenTrie;
  readonly wordCount: number;
  readonly #plainTokens: readonly number[][];
  /** Of plain tokens: characters of the longest. */
  readonly #longest: number;
  /** The nodes with a token at or below that is not plain. */
  readonly #mixed: TrieNodes;
  /** Scratch: the position after each byte on the way to a node. */
  readonly #path: Int32Array;
  /** By length, made up to the longest that was asked for. */
  readonly #plainMasks: Int32Array[];

  constructor(trie: TokenTrie) {
    this.trie = trie;
    this.wordCount = Math.ceil(trie.vocabSize / 32);
    const maxDepth = trie.depths.reduce((most, depth) => Math.max(most, depth), 0);
    this.#plainTokens = plainTokensByLength(trie, maxDepth);
    this.#longest = this.#plainTokens.findLastIndex((ids) => ids.length > 0);
    this.#plainMasks = [new Int32Array(this.wordCount)];
    this.#mixed = mixedNodes(trie);
    this.#path = new Int32Array(maxDepth + 1);
  }

  /** End and special tokens are never in it. The array is the position's. */
  maskOf(machine: Machine, position: Position): Int32Array {
    if (position.mask !== null) return position.mask;
    const mask = this.#walk(machine, position);
    position.mask = mask;
    machine.charge(mask.byteLength);
    return mask;
  }

  #walk(machine: Machine, start: Position): Int32Array {
    const reach = Math.min(start.plainReach, maxPlainLength);
    const mask = reach > 0 ? this.#plainMask(reach).slice() : new Int32Array(this.wordCount);
    if (start.isPlainBounded) this.#add(mask, machine, start, this.#mixed, 0);
    else this.#add(mask, machine, start, this.trie, reach);
    return mask;
  }

  /** Adds the tokens that may come, less those below nodes where all are plain and of up to `skipUpTo` characters. */
  #add(
    mask: Int32Array,
    machine: Machine,
    start: Position,
    nodes: TrieNodes,
    skipUpTo: number,
  ): void {
    const { bytes, depths, ends, tokens, plainLengths } = nodes;
    const { twins } = this.trie;
    const path = this.#path;
    const nodeCount = bytes.length;
    let table = machine.table;
    path[0] = start.index;
    let node = 1;
    while (node < nodeCount) {
      if (plainLengths[node]! <= skipUpTo) {
        node = ends[node]!;
        continue;
      }
      const depth = depths[node]!;
      const from = path[depth - 1]!;
      let to = table[(from << 8) | bytes[node]!]!;
      if (to === 0) {
        to = machine.step(machine.position(from), bytes[node]!)?.index ?? forbidden;
        table = machine.table;
      }
      if (to < 0) {
        node = ends[node]!;
        continue;
      }
      path[depth] = to;
      for (let id = tokens[node]!; id >= 0; id = twins[id]!) mask[id >>> 5]! |= 1 << (id & 31);
      node++;
    }
  }

  /** Tokens at and below which all are plain, themselves of up to so many characters; the walk finds the others. */
  #plainMask(reach: number): Int32Array {
    for (let length = this.#plainMasks.length; length <= reach; length++) {
      const mask = this.#plainMasks[length - 1]!.slice();
      for (const id of this.#plainTokens[length]!) mask[id >>> 5]! |= 1 << (id & 31);
      this.#plainMasks.push(mask);
      if (length >= this.#longest) return mask;
    }
    return this.#plainMasks[Math.min(reach, this.#longest)]!;
  }
}

/** Tokens at and below which all are plain, by their own length in characters. */
function plainTokensByLength(trie: TokenTrie, maxDepth: number): number[][] {
  const { bytes, depths, tokens, plainLengths, twins } = trie;
  const byLength: number[][] = Array.from({ length: maxPlainLength + 1 }, () => []);
  /** Characters that begin in the first bytes of the node's prefix. */
  const lengths = new Int32Array(maxDepth + 1);
  for (let node = 1; node < tokens.length; node++) {
    const depth = depths[node]!;
    const length = lengths[depth - 1]! + ((bytes[node]! & 0xc0) === 0x80 ? 0 : 1);
    lengths[depth] = length;
    if (plainLengths[node]! > maxPlainLength) continue;
    for (let id = tokens[node]!; id >= 0; id = twins[id]!) byLength[length]!.push(id);
  }
  return byLength;
}

function mixedNodes(trie: TokenTrie): TrieNodes {
  const { bytes, depths, ends, tokens, plainLengths } = trie;
  /** How many kept nodes stand before each. */
  const before = new Int32Array(bytes.length + 1);
  const isKept = (node: number) => node === 0 || plainLengths[node]! > maxPlainLength;
  for (let node = 0; node < bytes.length; node++) {
    before[node + 1] = before[node]! + (isKept(node) ? 1 : 0);
  }
  const keep = <T extends Uint8Array | Uint16Array | Int32Array>(values: T): T =>
    values.filter((_, node) => isKept(node)) as T;
  return {
    bytes: keep(bytes),
    depths: keep(depths),
    ends: keep(ends).map((end) => before[end]!),
    tokens: keep(tokens),
    plainLengths: keep(plainLengths),
  };
}
