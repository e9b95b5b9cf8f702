import type { ErrorRecord } from "@dyn/protocol";
import type { GrammarSpec } from "../contract/grammar-spec.ts";
import type { Program } from "../program/program.ts";
import type { TokenTrie } from "../vocabulary/token-trie.ts";

/** What the threads are asked for, and what they answer: each job is answered once, in order. */
export type GrammarJob =
  | { readonly type: "compile"; readonly spec: GrammarSpec; readonly maxStates: number }
  | {
      readonly type: "vocabulary";
      readonly tokenizerDirectory: string;
      readonly vocabSize: number | null;
    };

export type GrammarAnswer =
  /** Of no job: the thread can begin. */
  | { readonly type: "ready" }
  | { readonly type: "program"; readonly program: Program }
  | { readonly type: "trie"; readonly trie: TokenTrie }
  | { readonly type: "failed"; readonly error: ErrorRecord };
