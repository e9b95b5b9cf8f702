// A tokenizer thread: loads the model's tokenizer with its first job and encodes one text after the other.
import { parentPort, workerData } from "node:worker_threads";
import { errorToRecord } from "@dyn/protocol";
import type { Tokenizer } from "../contract/tokenizer.ts";
import { loadTokenizer } from "../load-tokenizer.ts";
import type { ThreadData, TokenizeJob, TokenizeResult } from "./tokenize-message.ts";

const { directory } = workerData as ThreadData;
const port = parentPort!;
let tokenizer: Promise<Tokenizer> | null = null;

async function run(job: TokenizeJob): Promise<void> {
  try {
    tokenizer ??= loadTokenizer(directory);
    const ids = encode(await tokenizer, job);
    const result: TokenizeResult = { ids };
    port.postMessage(
      result,
      ids.map(({ buffer }) => buffer as ArrayBuffer),
    );
  } catch (error) {
    tokenizer = null;
    const result: TokenizeResult = { error: errorToRecord(error) };
    port.postMessage(result);
  }
}

function encode(tokenizer: Tokenizer, job: TokenizeJob): Uint32Array[] {
  if ("parts" in job) return job.parts.map((part) => tokenizer.encodePart(part));
  return [tokenizer.encode(job.text, { addSpecialTokens: job.addSpecialTokens })];
}

port.on("message", (job: TokenizeJob) => {
  void run(job);
});
