// All tokens of a vocabulary by their bytes: a trie in preorder, as flat integers that can cross threads.
import { InvalidArgumentError } from "@dyn/protocol";

/** What a grammar needs of a tokenizer; @dyn/tokenizer's Tokenizer is one. */
export interface TokenBytes {
  /** Highest id + 1. */
  readonly vocabSize: number;
  /** What the token adds to the text; empty = nothing. */
  idToBytes(id: number): Uint8Array;
  isSpecial(id: number): boolean;
}

export interface TokenTrie {
  /** Of the model's logits. */
  readonly vocabSize: number;
  /** Byte on the way into the node; node 0 is the root. [nodeCount] */
  readonly bytes: Uint8Array;
  /** Length of the node's prefix in bytes. [nodeCount] */
  readonly depths: Uint16Array;
  /** The node after the last one below it. [nodeCount] */
  readonly ends: Int32Array;
  /** First token that ends here, -1 = none. [nodeCount] */
  readonly tokens: Int32Array;
  /** Next token with the same bytes, -1 = none. [vocabSize] */
  readonly twins: Int32Array;
  /** When all tokens at and below the node are plain characters only: how many the longest has; 255 otherwise. [nodeCount] */
  readonly plainLengths: Uint8Array;
  /** Bytes of all tokens, one after the other. */
  readonly tokenBytes: Uint8Array;
  /** Token `id` is tokenBytes[starts[id] .. starts[id + 1]). [vocabSize + 1] */
  readonly starts: Int32Array;
  /** Of special tokens too: for text before the grammar begins. Bit per token. [ceil(vocabSize / 32)] */
  readonly special: Int32Array;
}

/** Longer tokens take no part. */
const maxTokenBytes = 4096;

/** `vocabSize`: the model's, at least the tokenizer's; ids beyond the tokenizer are never allowed. */
export function createTokenTrie(
  vocabulary: TokenBytes,
  vocabSize = vocabulary.vocabSize,
): TokenTrie {
  if (vocabSize < 1) {
    throw new InvalidArgumentError(
      `vocabSize is ${vocabSize}; a vocabulary has at least one token.`,
    );
  }
  const starts = new Int32Array(vocabSize + 1);
  const special = new Int32Array(Math.ceil(vocabSize / 32));
  const parts: Uint8Array[] = [];
  const sorted: { readonly id: number; readonly key: string }[] = [];
  for (let id = 0; id < vocabSize; id++) {
    const bytes = id < vocabulary.vocabSize ? vocabulary.idToBytes(id) : new Uint8Array(0);
    parts.push(bytes);
    starts[id + 1] = starts[id]! + bytes.length;
    if (id < vocabulary.vocabSize && vocabulary.isSpecial(id)) special[id >>> 5]! |= 1 << (id & 31);
    else if (bytes.length > 0 && bytes.length <= maxTokenBytes) {
      sorted.push({ id, key: Buffer.from(bytes).toString("latin1") });
    }
  }
  sorted.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.id - b.id));
  return {
    vocabSize,
    starts,
    special,
    tokenBytes: Buffer.concat(parts),
    ...buildNodes(sorted, vocabSize),
  };
}

function buildNodes(
  sorted: readonly { readonly id: number; readonly key: string }[],
  vocabSize: number,
) {
  const capacity = 1 + sorted.reduce((sum, { key }) => sum + key.length, 0);
  const bytes = new Uint8Array(capacity);
  const depths = new Uint16Array(capacity);
  const ends = new Int32Array(capacity);
  const tokens = new Int32Array(capacity).fill(-1);
  const twins = new Int32Array(vocabSize).fill(-1);
  const plainLengths = new Uint8Array(capacity);
  const path = [0];
  let nodes = 1;
  let previous = "";
  let lastToken = -1;
  const close = (depth: number) => {
    while (path.length > depth + 1) {
      const node = path.pop()!;
      const parent = path[path.length - 1]!;
      ends[node] = nodes;
      plainLengths[parent] = Math.max(plainLengths[parent]!, plainLengths[node]!);
    }
  };
  for (const { id, key } of sorted) {
    if (key === previous && lastToken >= 0) {
      twins[lastToken] = id;
      lastToken = id;
      continue;
    }
    let shared = 0;
    while (shared < previous.length && key.charCodeAt(shared) === previous.charCodeAt(shared)) {
      shared++;
    }
    close(shared);
    for (let depth = shared; depth < key.length; depth++) {
      bytes[nodes] = key.charCodeAt(depth);
      depths[nodes] = depth + 1;
      path.push(nodes++);
    }
    const node = path[path.length - 1]!;
    tokens[node] = id;
    plainLengths[node] = plainLength(key);
    previous = key;
    lastToken = id;
  }
  close(0);
  ends[0] = nodes;
  return {
    bytes: bytes.slice(0, nodes),
    depths: depths.slice(0, nodes),
    ends: ends.slice(0, nodes),
    tokens: tokens.slice(0, nodes),
    twins,
    plainLengths: plainLengths.slice(0, nodes),
  };
}

/** Characters of a token that has plain ones only, else 255. */
export function plainLength(latin1: string): number {
  let count = 0;
  for (let i = 0; i < latin1.length; ) {
    const lead = latin1.charCodeAt(i);
    if (lead < 0x20 || lead === 0x22 || lead === 0x5c) return 255;
    const size =
      lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (size === 0 || !isWhole(latin1, i, size)) return 255;
    i += size;
    count++;
  }
  return Math.min(count, 255);
}

function isWhole(latin1: string, at: number, size: number): boolean {
  if (at + size > latin1.length) return false;
  for (let i = 1; i < size; i++) {
    const byte = latin1.charCodeAt(at + i);
    if (byte < 0x80 || byte > 0xbf) return false;
  }
  const second = size > 1 ? latin1.charCodeAt(at + 1) : 0;
  const lead = latin1.charCodeAt(at);
  // Overlong forms, surrogates, beyond U+10FFFF; and the line separators, which `.` does not match.
  if ((lead === 0xe0 && second < 0xa0) || (lead === 0xed && second > 0x9f)) return false;
  if ((lead === 0xf0 && second < 0x90) || (lead === 0xf4 && second > 0x8f)) return false;
  return !(lead === 0xe2 && second === 0x80 && /[\xa8\xa9]/.test(latin1[at + 2]!));
}
