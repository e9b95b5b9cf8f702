import { execFileSync } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { createTokenizerPool, loadTokenizer, type TokenizerPool } from "@dyn/tokenizer";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";

// The real threads, remembered so that a test can end one.
const threads: Worker[] = [];
vi.mock("../../src/pool/start-thread.ts", async (load) => {
  const real = await load<typeof import("../../src/pool/start-thread.ts")>();
  return {
    startThread: (data: Parameters<typeof real.startThread>[0]) => {
      const thread = real.startThread(data);
      threads.push(thread);
      return thread;
    },
  };
});

const long = "The quick brown fox, 123 times; über naïve 快速的 🚀\n".repeat(4000);
let directory = "";
let pool: TokenizerPool;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "dyn-tokenizer-pool-"));
  const fixture = new URL("../fixtures/qwen2.tokenizer.json", import.meta.url);
  await cp(fixture, join(directory, "tokenizer.json"));
});
afterAll(() => rm(directory, { recursive: true }));
afterEach(async () => {
  await pool.close();
  threads.length = 0;
});

test("long and short texts get the same ids as from the tokenizer itself", async () => {
  pool = createTokenizerPool({ directory, threads: 2 });
  const tokenizer = await loadTokenizer(directory);
  const texts = [long, "short", `${long}<|im_end|>`, long.slice(7), ""];
  const results = await Promise.all(texts.map((text) => pool.encode(text)));
  for (const [index, ids] of results.entries())
    expect(ids).toEqual(tokenizer.encode(texts[index]!));
  expect(threads).toHaveLength(2);
});

test("short texts need no thread", async () => {
  pool = createTokenizerPool({ directory });
  await pool.encode("short");
  expect(threads).toHaveLength(0);
});

test("a queue that is full refuses with an error that can be retried", async () => {
  pool = createTokenizerPool({ directory, threads: 1, maxQueued: 1 });
  const taken = [pool.encode(long), pool.encode(long)];
  await expect(pool.encode(long)).rejects.toMatchObject({
    code: "DYN_TOKENIZER_QUEUE_FULL",
    retryable: true,
  });
  await Promise.all(taken);
});

test("an abort frees the caller and the place in the queue", async () => {
  pool = createTokenizerPool({ directory, threads: 1, maxQueued: 1 });
  const controller = new AbortController();
  const running = pool.encode(long);
  const waiting = pool.encode(long, { signal: controller.signal });
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: "DYN_REQUEST_CANCELLED" });
  await pool.encode(long);
  await running;
  await expect(pool.encode("x", { signal: controller.signal })).rejects.toMatchObject({
    code: "DYN_REQUEST_CANCELLED",
  });
});

test("a thread that dies is replaced and its job is done by another", async () => {
  pool = createTokenizerPool({ directory, threads: 1 });
  const job = pool.encode(long);
  await threads[0]!.terminate();
  expect((await job).length).toBeGreaterThan(1000);
  expect(threads).toHaveLength(2);
});

test("a job that two threads died over fails", async () => {
  pool = createTokenizerPool({ directory, threads: 1 });
  const job = pool.encode(long).catch((error: unknown) => error);
  await threads[0]!.terminate();
  await threads[1]!.terminate();
  expect(await job).toMatchObject({ code: "DYN_TOKENIZER_THREAD_DIED", retryable: true });
  expect((await pool.encode(long)).length).toBeGreaterThan(1000);
});

test("what is wrong with the files is told, from a thread too, and is not kept", async () => {
  const late = await mkdtemp(join(tmpdir(), "dyn-tokenizer-late-"));
  pool = createTokenizerPool({ directory: late });
  for (const text of ["short", long]) {
    await expect(pool.encode(text)).rejects.toMatchObject({ code: "DYN_TOKENIZER_FILE_INVALID" });
  }
  await cp(join(directory, "tokenizer.json"), join(late, "tokenizer.json"));
  for (const text of ["short", long]) expect((await pool.encode(text)).length).toBeGreaterThan(0);
  await rm(late, { recursive: true });
});

test("close ends what runs and what waits, and nothing is taken after it", async () => {
  pool = createTokenizerPool({ directory, threads: 1 });
  const jobs = [pool.encode(long), pool.encode(long)].map((job) =>
    job.catch((error: unknown) => error),
  );
  await pool.close();
  for (const result of [
    ...(await Promise.all(jobs)),
    await pool.encode("x").catch((e: unknown) => e),
  ]) {
    expect(result).toMatchObject({ code: "DYN_TOKENIZER_CLOSED" });
  }
});

test("idle threads do not keep a process alive", () => {
  pool = createTokenizerPool({ directory });
  const program = `
    import { createTokenizerPool } from "@dyn/tokenizer";
    const pool = createTokenizerPool({ directory: ${JSON.stringify(directory)} });
    const ids = await pool.encode("a b c ".repeat(20000));
    console.log(ids.length > 0);`;
  const flags = [
    "--conditions=@dyn/source",
    "--import",
    "tsx",
    "--input-type=module",
    "-e",
    program,
  ];
  const cwd = new URL("../..", import.meta.url);
  expect(execFileSync(process.execPath, flags, { cwd, encoding: "utf8", timeout: 30_000 })).toBe(
    "true\n",
  );
});
