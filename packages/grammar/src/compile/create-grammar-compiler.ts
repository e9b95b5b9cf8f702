// Grammars compiled on a thread and kept by what they say. Compiling never blocks the caller's thread.
import type { CompiledGrammar, GrammarCompiler } from "../contract/grammar-compiler.ts";
import type { GrammarSpec } from "../contract/grammar-spec.ts";
import { TokenMasks } from "../machine/token-masks.ts";
import { createCompiledGrammar } from "../matcher/create-compiled-grammar.ts";
import { createTokenTrie, type TokenBytes, type TokenTrie } from "../vocabulary/token-trie.ts";
import { grammarFault } from "./grammar-fault.ts";
import { cancelledError, demandAnswer, GrammarThread } from "./grammar-thread.ts";

export interface GrammarCompilerOptions {
  /**
   * What the tokens spell: a directory with tokenizer.json, read on a thread when the first grammar comes;
   * a tokenizer, read at once; or a trie that is made already.
   */
  readonly vocabulary: { readonly tokenizerDirectory: string } | TokenBytes | TokenTrie;
  /** Of the model's logits; default the tokenizer's own. Ids beyond the tokenizer are never allowed. */
  readonly vocabSize?: number;
  /** How long one grammar may take to compile. Default 5000. */
  readonly timeoutMs?: number;
  /** Of a grammar as JSON text. Default 512 KiB. */
  readonly maxSpecBytes?: number;
  /** Of a compiled grammar. Default 500 000. */
  readonly maxStates?: number;
  /** Estimated memory of grammars that are kept for the next request; the least recently used go. Default 256 MiB. */
  readonly cacheBytes?: number;
  /** Estimated memory that one grammar may use for what it learns. Default 64 MiB. */
  readonly grammarBytes?: number;
  /** Grammars that may wait to be compiled; one more is refused with OverloadedError. Default 256. */
  readonly maxQueued?: number;
}

const defaults = {
  timeoutMs: 5000,
  maxSpecBytes: 512 * 1024,
  maxStates: 500_000,
  cacheBytes: 256 * 1024 * 1024,
  grammarBytes: 64 * 1024 * 1024,
  maxQueued: 256,
};
/** Reading a vocabulary of 200 000 tokens takes a second or two; a busy machine may need some more. */
const vocabularyTimeoutMs = 120_000;

/** `close` ends its thread. */
export function createGrammarCompiler(options: GrammarCompilerOptions): GrammarCompiler {
  return new ThreadCompiler(options);
}

class ThreadCompiler implements GrammarCompiler {
  readonly #options: Required<Omit<GrammarCompilerOptions, "vocabSize">> & { vocabSize?: number };
  readonly #thread: GrammarThread;
  /** By the spec's JSON; in order of use, the latest last. */
  readonly #cache = new Map<string, CompiledGrammar>();
  /** Under way: the same grammar twice at once is compiled once. */
  readonly #pending = new Map<string, Promise<CompiledGrammar>>();
  #masks: Promise<TokenMasks> | null = null;

  constructor(options: GrammarCompilerOptions) {
    this.#options = { ...defaults, ...options };
    const { timeoutMs, maxQueued } = this.#options;
    this.#thread = new GrammarThread({
      timeoutMs,
      maxQueued,
      timeoutError: () =>
        grammarFault(`The grammar took over ${timeoutMs} ms to compile; make it smaller.`),
    });
  }

  async compile(
    spec: GrammarSpec,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<CompiledGrammar> {
    if (signal?.aborted) throw cancelledError(signal);
    const key = this.#keyOf(spec);
    const known = this.#cache.get(key);
    if (known !== undefined) {
      this.#keep(key, known);
      return known;
    }
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      pending = this.#make(spec, key).finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    return signal === undefined ? pending : untilAborted(pending, signal);
  }

  close(): Promise<void> {
    this.#cache.clear();
    return this.#thread.close();
  }

  #keyOf(spec: GrammarSpec): string {
    const key = JSON.stringify(spec);
    const size = Buffer.byteLength(key);
    if (size <= this.#options.maxSpecBytes) return key;
    throw grammarFault(
      `The grammar has ${size} bytes; at most ${this.#options.maxSpecBytes} are taken. Make it smaller.`,
    );
  }

  async #make(spec: GrammarSpec, key: string): Promise<CompiledGrammar> {
    const { maxStates, grammarBytes } = this.#options;
    const compiled = this.#thread.run({ type: "compile", spec, maxStates });
    const [answer, masks] = await Promise.all([compiled, this.#loadMasks()]);
    const { program } = demandAnswer(answer, "program");
    const grammar = createCompiledGrammar(program, masks, grammarBytes);
    this.#keep(key, grammar);
    return grammar;
  }

  /** A vocabulary that could not be read is tried again by the next grammar. */
  #loadMasks(): Promise<TokenMasks> {
    this.#masks ??= this.#loadTrie()
      .then((trie) => new TokenMasks(trie))
      .catch((error: unknown) => {
        this.#masks = null;
        throw error;
      });
    return this.#masks;
  }

  async #loadTrie(): Promise<TokenTrie> {
    const { vocabulary, vocabSize } = this.#options;
    if ("twins" in vocabulary) return vocabulary;
    if ("idToBytes" in vocabulary) return createTokenTrie(vocabulary, vocabSize);
    const thread = new GrammarThread({
      timeoutMs: vocabularyTimeoutMs,
      maxQueued: 1,
      timeoutError: () =>
        new Error(`The vocabulary was not read within ${vocabularyTimeoutMs} ms.`),
    });
    try {
      const answer = await thread.run({
        type: "vocabulary",
        tokenizerDirectory: vocabulary.tokenizerDirectory,
        vocabSize: vocabSize ?? null,
      });
      return demandAnswer(answer, "trie").trie;
    } finally {
      await thread.close();
    }
  }

  #keep(key: string, grammar: CompiledGrammar): void {
    this.#cache.delete(key);
    this.#cache.set(key, grammar);
    let bytes = 0;
    for (const [each, kept] of [...this.#cache].reverse()) {
      bytes += kept.sizeBytes() + each.length * 2;
      if (bytes > this.#options.cacheBytes && each !== key) this.#cache.delete(each);
    }
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(cancelledError(signal));
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
