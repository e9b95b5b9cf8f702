// Encode and decode against the native `tokenizers` in one run, and the event loop's stall by long prompts.
//   node --conditions=@dyn/source --import tsx bench/tokenizer.ts
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { createTokenizer, createTokenizerPool, type Tokenizer } from "@dyn/tokenizer";
import { Tokenizer as NativeTokenizer } from "tokenizers";
import { families } from "../test/exactness/families.ts";
import { cutDocuments, readCorpus } from "./corpus.ts";

const CORPUS_CHARS = 2_000_000;
const SIZES = [200, 2_000, 20_000, 200_000];
const NAMES = (process.argv[2] ?? "Llama 3,Qwen 2,GPT-2,Llama 2,BERT,Unigram").split(",");

const corpus = await readCorpus(CORPUS_CHARS);
console.log(
  `${cpus()[0]?.model}, ${cpus().length} processors, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}; ` +
    `${(Buffer.byteLength(corpus) / 1e6).toFixed(2)} MB of Markdown, TypeScript, JavaScript and 4 other languages\n`,
);
for (const [name, load] of Object.entries(families)) {
  if (!NAMES.some((wanted) => name.startsWith(wanted))) continue;
  const file = await load();
  console.log(`## ${name}\n`);
  await measureEncode(file);
  await measureDecode(file);
}
await measureStalls(await families["Llama 3 (cl100k vocabulary)"]!());

async function measureEncode(file: unknown): Promise<void> {
  const native = NativeTokenizer.fromString(JSON.stringify(file));
  encodeAll(createTokenizer(file), cutDocuments(corpus, 2_000));
  console.log(
    "| documents | own, cold | own, warm | native, cold | native, warm | warm / warm | cold / cold |",
  );
  console.log("|---|---|---|---|---|---|---|");
  for (const size of SIZES) {
    const documents = cutDocuments(corpus, size);
    const megabytes = documents.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6;
    const own = createTokenizer(file);
    const rates = { ownCold: 0, ownWarm: 0, nativeCold: 0, nativeWarm: 0 };
    rates.ownCold = megabytes / encodeAll(own, documents);
    const fresh = NativeTokenizer.fromString(JSON.stringify(file));
    rates.nativeCold = megabytes / (await encodeNative(fresh, documents));
    await encodeNative(native, documents.slice(0, 20));
    const ownSeconds: number[] = [];
    const nativeSeconds: number[] = [];
    for (let round = 0; round < 3; round++) {
      ownSeconds.push(encodeAll(own, documents));
      nativeSeconds.push(await encodeNative(fresh, documents));
    }
    rates.ownWarm = megabytes / median(ownSeconds);
    rates.nativeWarm = megabytes / median(nativeSeconds);
    const cells = [rates.ownCold, rates.ownWarm, rates.nativeCold, rates.nativeWarm].map(
      (rate) => `${rate.toFixed(1)} MB/s`,
    );
    const ratios = [rates.ownWarm / rates.nativeWarm, rates.ownCold / rates.nativeCold].map(
      (ratio) => `${ratio.toFixed(1)} x`,
    );
    console.log(`| ${size} characters | ${[...cells, ...ratios].join(" | ")} |`);
  }
  console.log();
}

function encodeAll(tokenizer: Tokenizer, documents: readonly string[]): number {
  const start = performance.now();
  for (const text of documents) tokenizer.encode(text);
  return (performance.now() - start) / 1000;
}

async function encodeNative(
  tokenizer: NativeTokenizer,
  documents: readonly string[],
): Promise<number> {
  const start = performance.now();
  for (const text of documents)
    (await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds();
  return (performance.now() - start) / 1000;
}

async function measureDecode(file: unknown): Promise<void> {
  const own = createTokenizer(file);
  const native = NativeTokenizer.fromString(JSON.stringify(file));
  const ids = own.encode(corpus.slice(0, 1_000_000));
  let chars = 0;
  const streaming = timeOf(() => {
    const decoder = own.createDecoder();
    for (let i = 0; i < ids.length; i++) chars += decoder.push(ids.subarray(i, i + 1)).length;
    chars += decoder.flush().length;
  });
  const whole = timeOf(() => {
    chars += own.decode(ids).length;
  });
  const list = [...ids];
  const start = performance.now();
  chars += (await native.decode(list, true)).length;
  const nativeWhole = performance.now() - start;
  const calls = 20_000;
  const begin = performance.now();
  for (let i = 0; i < calls; i++) await native.decode(list.slice(i, i + 6), true);
  const nativeStreaming = (performance.now() - begin) / calls;
  const perToken = (ms: number): string => `${((ms * 1e6) / ids.length).toFixed(0)} ns`;
  console.log(
    `Decode per token: own, one at a time ${perToken(streaming)}, all at once ${perToken(whole)}; ` +
      `native, 6 ids a token (how a stream is decoded with it) ${(nativeStreaming * 1e6).toFixed(0)} ns, all at once ${perToken(nativeWhole)}. (${chars} characters)\n`,
  );
}

async function measureStalls(file: unknown): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "dyn-tokenizer-"));
  await writeFile(join(directory, "tokenizer.json"), JSON.stringify(file));
  const tokenizer = createTokenizer(file);
  let size = 200_000;
  while (tokenizer.encode(corpus.slice(0, size)).length < 60_000) size += 10_000;
  const prompt = corpus.slice(0, size);
  console.log(`## The event loop under long prompts\n`);
  console.log(
    `One prompt: ${size} characters, ${tokenizer.encode(prompt).length} tokens; 20 of them, two at a time.\n`,
  );
  const idle = await measureDelay(() => sleep(1000));
  const inline = await measureDelay(async () => {
    for (let i = 0; i < 10; i++) {
      tokenizer.encode(prompt);
      await sleep(5);
    }
  });
  const pool = createTokenizerPool({ directory, tokenizer });
  await Promise.all([pool.encode(prompt), pool.encode(prompt)]);
  const times: number[] = [];
  const pooled = await measureDelay(async () => {
    for (let i = 0; i < 10; i++) {
      const start = performance.now();
      await Promise.all([pool.encode(prompt), pool.encode(prompt)]);
      times.push(performance.now() - start);
    }
  });
  const edge = cutDocuments(corpus, 12_000)[0]!;
  const inlineEdge = await measureDelay(async () => {
    for (let i = 0; i < 50; i++) {
      await pool.encode(edge);
      await sleep(2);
    }
  });
  await pool.close();
  await rm(directory, { recursive: true });
  console.log("| what runs | late, p99 | late, longest |\n|---|---|---|");
  console.log(`| nothing | ${idle} |`);
  console.log(`| 60k-token prompts on the main thread | ${inline} |`);
  console.log(
    `| 60k-token prompts through the pool (median ${median(times).toFixed(0)} ms a pair) | ${pooled} |`,
  );
  console.log(
    `| 12 000-character prompts (12 651 bytes), which the pool encodes at once | ${inlineEdge} |`,
  );
}

/** By how much a 1 ms timer was late while `work` ran: 99th percentile and longest. */
async function measureDelay(work: () => Promise<unknown>): Promise<string> {
  const monitor = monitorEventLoopDelay({ resolution: 1 });
  await sleep(20);
  monitor.enable();
  await work();
  await sleep(5);
  monitor.disable();
  const late = (nanoseconds: number): string => Math.max(0, nanoseconds / 1e6 - 1).toFixed(1);
  return `${late(monitor.percentile(99))} ms | ${late(monitor.max)} ms`;
}

function timeOf(work: () => void): number {
  work();
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return median(times);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
