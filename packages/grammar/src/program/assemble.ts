// From the tree of a grammar to its program. Works backwards: each part is told what follows it.
import { grammarFault } from "../compile/grammar-fault.ts";
import { charSet, charsOf, containsAll, invert, plainChars } from "../syntax/char-set.ts";
import type { Grammar, Node } from "../syntax/node.ts";
import { utf8Sequences } from "../syntax/utf8-ranges.ts";
import { checkGrammar } from "./check-grammar.ts";
import { op, type Program, plain } from "./program.ts";

type Until = Node & { type: "until" };

/** A repetition of this many states or fewer is written out; beyond, it is counted. */
const unrollLimit = 8;

export function assemble(grammar: Grammar, options: { readonly maxStates: number }): Program {
  return new Assembler(checkGrammar(grammar), options.maxStates).run();
}

class Assembler {
  readonly #grammar: Grammar;
  readonly #maxStates: number;
  readonly #ops: number[] = [];
  readonly #operands: number[] = [];
  readonly #edges: number[] = [];
  readonly #plain: number[] = [];
  readonly #entries = new Map<string, number>();
  /** The one end state: rules and bodies of repetitions go back from it. */
  readonly #end: number;

  constructor(grammar: Grammar, maxStates: number) {
    this.#grammar = grammar;
    this.#maxStates = maxStates;
    this.#end = this.#add(op.end);
  }

  run(): Program {
    for (const name of this.#grammar.rules.keys()) this.#entries.set(name, this.#add(op.split));
    for (const [name, node] of this.#grammar.rules) {
      this.#setSplit(this.#entries.get(name)!, [this.#build(node, this.#end)]);
    }
    return {
      root: this.#entries.get(this.#grammar.root)!,
      ops: Uint8Array.from(this.#ops),
      operands: Int32Array.from(this.#operands),
      edges: Int32Array.from(this.#edges),
      plain: Uint8Array.from(this.#plain),
    };
  }

  /** `loop`: what a character set is marked with when it takes every plain character. */
  #build(node: Node, next: number, loop: number = plain.no): number {
    switch (node.type) {
      case "empty":
        return next;
      case "never":
        return this.#split([]);
      case "text":
        return this.#text(Buffer.from(node.text), next);
      case "chars": {
        const entry = this.#chars([{ set: node.set, next }]);
        if (containsAll(node.set, plainChars)) this.#plain[entry] = loop;
        return entry;
      }
      case "sequence":
        return node.items.reduceRight((following, item) => this.#build(item, following), next);
      case "choice":
        return this.#choice(node.items, next, loop);
      case "repeat":
        return this.#repeat(node, next);
      case "rule":
        return this.#add(op.call, this.#entry(node.name), next);
      case "until":
        return this.#until(node, next);
    }
  }

  #entry(name: string): number {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry;
    throw grammarFault(`Rule ${JSON.stringify(name)} is used but not defined; define it.`);
  }

  #text(bytes: Uint8Array, next: number): number {
    let entry = next;
    for (let i = bytes.length - 1; i >= 0; i--) {
      entry = this.#bytes([bytes[i]!, bytes[i]!, entry]);
    }
    return entry;
  }

  /** Literal texts share their beginnings: ten thousand of them are one way to go on, not ten thousand. */
  #choice(items: readonly Node[], next: number, loop: number): number {
    const texts: Uint8Array[] = [];
    const targets: number[] = [];
    for (const item of items) {
      const literal = literalOf(item);
      if (literal !== null) texts.push(Buffer.from(literal));
      else targets.push(this.#build(item, next, loop));
    }
    if (texts.length > 0) targets.push(this.#texts(texts, 0, next));
    return this.#split(targets);
  }

  /** All of them have the same first `depth` bytes. */
  #texts(texts: readonly Uint8Array[], depth: number, next: number): number {
    if (texts.length === 1) return this.#text(texts[0]!.subarray(depth), next);
    const byByte = new Map<number, Uint8Array[]>();
    let isEnd = false;
    for (const text of texts) {
      const byte = text[depth];
      if (byte === undefined) isEnd = true;
      else if (byByte.has(byte)) byByte.get(byte)!.push(text);
      else byByte.set(byte, [text]);
    }
    const edges = [...byByte].flatMap(([byte, group]) => [
      byte,
      byte,
      this.#texts(group, depth + 1, next),
    ]);
    if (edges.length === 0) return next;
    const entry = this.#bytes(edges);
    return isEnd ? this.#split([entry, next]) : entry;
  }

  #repeat(node: Node & { type: "repeat" }, next: number): number {
    const { item, min, max } = node;
    if (max === Number.POSITIVE_INFINITY && min <= 1) {
      const loop = this.#add(op.split);
      const body = this.#build(item, loop, plain.endless);
      this.#setSplit(loop, [body, next]);
      return min === 0 ? loop : body;
    }
    if (max === 1) return this.#split([this.#build(item, next), next]);
    if (isSmall(item) && (max === Number.POSITIVE_INFINITY ? min : max) <= unrollLimit) {
      return this.#unroll(item, min, max, next);
    }
    const body = this.#build(item, this.#end, plain.counted);
    return this.#add(op.repeat, body, next, min, max === Number.POSITIVE_INFINITY ? -1 : max);
  }

  #unroll(item: Node, min: number, max: number, next: number): number {
    let entry = next;
    if (max === Number.POSITIVE_INFINITY) {
      entry = this.#add(op.split);
      this.#setSplit(entry, [this.#build(item, entry, plain.endless), next]);
    } else {
      for (let i = min; i < max; i++) entry = this.#split([this.#build(item, entry), next]);
    }
    for (let i = 0; i < min; i++) entry = this.#build(item, entry);
    return entry;
  }

  /** One state per beginning of a mark (Aho and Corasick's automaton, on characters). */
  #until(node: Until, next: number): number {
    const trie = markTrie(node.marks.map(({ text }) => text));
    const states = trie.map(() => this.#add(op.split));
    const ends = trie.map(({ mark }) =>
      mark < 0 ? -1 : this.#build(node.marks[mark]!.after, next),
    );
    const target = (at: number) => (ends[at]! >= 0 ? ends[at]! : states[at]!);
    for (const [at, { moves }] of trie.entries()) {
      if (ends[at]! >= 0) continue;
      const known = charSet([...moves.keys()].map((char) => [char, char] as const));
      const entry = this.#chars([
        { set: invert(known), next: states[0]! },
        ...[...moves].map(([char, to]) => ({
          set: charsOf(String.fromCodePoint(char)),
          next: target(to),
        })),
      ]);
      this.#setSplit(states[at]!, node.mayEnd ? [entry, next] : [entry]);
    }
    return states[0]!;
  }

  /** One state that takes a character of any of the disjoint sets. */
  #chars(branches: readonly { set: readonly number[]; next: number }[]): number {
    const sequences = branches.flatMap(({ set, next }) =>
      utf8Sequences(set).map((bytes) => ({ bytes, next })),
    );
    return this.#byteTree(sequences, new Map());
  }

  #byteTree(
    sequences: readonly { bytes: readonly number[]; next: number }[],
    known: Map<string, number>,
  ): number {
    const key = sequences.map(({ bytes, next }) => `${bytes.join()}>${next}`).join(";");
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    // Lead bytes overlap only as equals within a set, but two sets may share a part of one: cut at every border.
    const cuts = [...new Set(sequences.flatMap(({ bytes }) => [bytes[0]!, bytes[1]! + 1]))];
    cuts.sort((a, b) => a - b);
    const edges: number[] = [];
    for (let i = 0; i + 1 < cuts.length; i++) {
      const low = cuts[i]!;
      const high = cuts[i + 1]! - 1;
      const here = sequences.filter(({ bytes }) => bytes[0]! <= low && high <= bytes[1]!);
      if (here.length === 0) continue;
      const next =
        here[0]!.bytes.length === 2
          ? here[0]!.next
          : this.#byteTree(
              here.map(({ bytes, next: after }) => ({ bytes: bytes.slice(2), next: after })),
              known,
            );
      const last = edges.length - 3;
      if (last >= 0 && edges[last + 1] === low - 1 && edges[last + 2] === next) {
        edges[last + 1] = high;
      } else {
        edges.push(low, high, next);
      }
    }
    const state = this.#bytes(edges);
    known.set(key, state);
    return state;
  }

  #bytes(edges: readonly number[]): number {
    const start = this.#edges.length;
    for (const edge of edges) this.#edges.push(edge);
    return this.#add(op.bytes, start, edges.length / 3);
  }

  #split(targets: readonly number[]): number {
    if (targets.length === 1) return targets[0]!;
    const state = this.#add(op.split);
    this.#setSplit(state, targets);
    return state;
  }

  #setSplit(state: number, targets: readonly number[]): void {
    this.#operands[state * 4] = this.#edges.length;
    this.#operands[state * 4 + 1] = targets.length;
    for (const target of targets) this.#edges.push(target);
  }

  #add(kind: number, a = 0, b = 0, c = 0, d = 0): number {
    const state = this.#ops.length;
    if (state >= this.#maxStates) {
      throw grammarFault(
        `The grammar needs more than ${this.#maxStates} states; make it smaller: fewer or shorter alternatives, smaller repetitions of large parts.`,
      );
    }
    this.#ops.push(kind);
    this.#plain.push(plain.no);
    this.#operands.push(a, b, c, d);
    return state;
  }
}

/** The only text of a node; `null` = it has others, or that is not plain to see. */
function literalOf(node: Node): string | null {
  if (node.type === "text") return node.text;
  if (node.type === "chars") {
    return node.set.length === 2 && node.set[0] === node.set[1]
      ? String.fromCodePoint(node.set[0]!)
      : null;
  }
  if (node.type !== "sequence") return null;
  let text = "";
  for (const item of node.items) {
    const part = literalOf(item);
    if (part === null) return null;
    text += part;
  }
  return text;
}

/** Worth writing out several times. */
function isSmall(node: Node): boolean {
  return node.type === "chars" || (node.type === "text" && node.text.length <= 4);
}

interface TrieState {
  /** By code point; a character that is not there leads back to the start. */
  readonly moves: Map<number, number>;
  /** The mark that is complete here; -1 = none. */
  mark: number;
  suffix: number;
}

function markTrie(marks: readonly string[]): TrieState[] {
  const trie: TrieState[] = [{ moves: new Map(), mark: -1, suffix: 0 }];
  for (const [mark, text] of marks.entries()) {
    let at = 0;
    for (const char of text) {
      const code = char.codePointAt(0)!;
      const known = trie[at]!.moves.get(code);
      if (known === undefined) {
        trie[at]!.moves.set(code, trie.length);
        trie.push({ moves: new Map(), mark: -1, suffix: 0 });
      }
      at = known ?? trie.length - 1;
    }
    if (trie[at]!.mark < 0) trie[at]!.mark = mark;
  }
  const order = [...trie[0]!.moves.values()];
  for (let i = 0; i < order.length; i++) {
    const state = trie[order[i]!]!;
    const fallback = trie[state.suffix]!;
    for (const [char, to] of state.moves) {
      trie[to]!.suffix = fallback.moves.get(char) ?? 0;
      order.push(to);
    }
    if (state.mark < 0) state.mark = fallback.mark;
    for (const [char, to] of fallback.moves) if (!state.moves.has(char)) state.moves.set(char, to);
  }
  return trie;
}
