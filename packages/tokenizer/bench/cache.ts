// Chats that grow, with the encoding cache and without it in one run. Results: docs/benchmarks/tokenizer.md.
//   node --conditions=@dyn/source --import tsx bench/cache.ts
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createTokenizer, createTokenizerPool, type TokenizerPool } from "@dyn/tokenizer";
import { families } from "../test/exactness/families.ts";
import { cutDocuments, readCorpus } from "./corpus.ts";

const file = await families["Llama 3 (cl100k vocabulary)"]!();
const directory = await mkdtemp(join(tmpdir(), "dyn-tokenizer-bench-"));
await writeFile(join(directory, "tokenizer.json"), JSON.stringify(file));
const tokenizer = createTokenizer(file);
const corpus = await readCorpus(2_000_000);

console.log(
  `${cpus()[0]?.model}, ${cpus().length} processors, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}\n`,
);
console.log("| prompts | tokens | without | with | ratio |\n|---|---|---|---|---|");
const turns = (texts: readonly string[]): string[] =>
  texts.map((text) => `<|start_header_id|>user\n\n${text}<|eot_id|>`);

const long = cutDocuments(corpus, 190_000);
const document = (n: number) => turns([`${n} ${long[n % long.length]!}`])[0]!;
const short = cutDocuments(corpus, 300);
await compare(
  "8 messages of 300 characters, none known",
  400,
  (n) => turns(short.slice(n * 8, n * 8 + 8)).join(""),
  null,
);
await compare(
  "8 messages of 300 characters, 6 known",
  400,
  (n) => turns(short.slice(n * 8, n * 8 + 8)).join(""),
  (n) => turns(short.slice(n * 8, n * 8 + 6)).join(""),
);
await compare("a long document, unknown", 20, document, null);
await compare(
  "a long document that is known and a new turn",
  20,
  (n) => document(n) + turns([short[n]!])[0]!,
  document,
);
await rm(directory, { recursive: true });

/** Median milliseconds from the call to the ids, one prompt after the other; `before` is encoded first, untimed. */
async function compare(
  name: string,
  count: number,
  prompt: (n: number) => string,
  before: ((n: number) => string) | null,
): Promise<void> {
  const tokens = tokenizer.encode(prompt(0)).length;
  const without = createTokenizerPool({ directory, tokenizer, threads: 1, cacheBytes: 0 });
  const cached = createTokenizerPool({ directory, tokenizer, threads: 1 });
  const times: [number[], number[]] = [[], []];
  // The thread loads its tokenizer with its first job.
  await Promise.all([without, cached].map((pool) => pool.encode(document(99))));
  for (let n = 0; n < count; n++) {
    // By turns the first: it pays for words that the tokenizer has not seen.
    for (const i of n % 2 === 0 ? [0, 1] : [1, 0]) {
      const pool = i === 0 ? without : cached;
      if (before !== null) await pool.encode(before(n));
      times[i]!.push(await timeOf(pool, prompt(n)));
    }
  }
  await Promise.all([without.close(), cached.close()]);
  const [a, b] = times.map((list) => list.sort((x, y) => x - y)[list.length >> 1]!);
  const ms = (value: number) => `${value.toPrecision(3)} ms`;
  console.log(`| ${name} | ${tokens} | ${ms(a!)} | ${ms(b!)} | ${(a! / b!).toFixed(2)} |`);
}

async function timeOf(pool: TokenizerPool, text: string): Promise<number> {
  const begunMs = performance.now();
  await pool.encode(text);
  return performance.now() - begunMs;
}
