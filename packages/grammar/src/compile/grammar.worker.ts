// The thread on which grammars are compiled and vocabularies are read.
import { parentPort } from "node:worker_threads";
import { errorToRecord } from "@dyn/protocol";
import { loadTokenizer } from "@dyn/tokenizer";
import { createTokenTrie } from "../vocabulary/token-trie.ts";
import type { GrammarAnswer, GrammarJob } from "./compile-message.ts";
import { compileSpec } from "./compile-spec.ts";

const port = parentPort;
if (port === null)
  throw new Error("grammar.worker is started by createGrammarCompiler, as a thread");

async function run(job: GrammarJob): Promise<GrammarAnswer> {
  try {
    if (job.type === "compile") {
      return { type: "program", program: compileSpec(job.spec, job.maxStates) };
    }
    const tokenizer = await loadTokenizer(job.tokenizerDirectory);
    return { type: "trie", trie: createTokenTrie(tokenizer, job.vocabSize ?? tokenizer.vocabSize) };
  } catch (error) {
    return { type: "failed", error: errorToRecord(error) };
  }
}

port.on("message", (job: GrammarJob) => {
  void run(job).then((answer) => port.postMessage(answer, buffersOf(answer)));
});

port.postMessage({ type: "ready" } satisfies GrammarAnswer);

function buffersOf(answer: GrammarAnswer): ArrayBuffer[] {
  if (answer.type === "failed" || answer.type === "ready") return [];
  const parts = answer.type === "program" ? answer.program : answer.trie;
  // Small ones may share a pooled buffer: those are copied instead.
  return Object.values(parts).flatMap((part) =>
    ArrayBuffer.isView(part) && part.byteLength === part.buffer.byteLength
      ? [part.buffer as ArrayBuffer]
      : [],
  );
}
