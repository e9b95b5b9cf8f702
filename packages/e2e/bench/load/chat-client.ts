// Chats over kept-alive connections, in a process of its own: node chat-client.ts '<ChatPlan>'. Prints one ChatResult.
import { Agent, type IncomingMessage, request } from "node:http";

export interface ChatPlan {
  readonly port: number;
  readonly model: string;
  /** Of long prompts. */
  readonly longModel: string;
  readonly seconds: number;
  /** As fast as answers come, over so many connections: chats of 8 messages, one token each, not streamed. */
  readonly connections?: number;
  /** At these rates, whether answers come or not: short streamed chats, and prompts of `longTokens`. */
  readonly shortPerSecond?: number;
  readonly longPerSecond?: number;
  readonly longTokens?: number;
}

export interface ChatResult {
  readonly answers: number;
  readonly perSecond: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longAnswers: number;
  readonly longErrors: number;
  readonly longP50Ms: number;
  readonly longP99Ms: number;
}

const plan = JSON.parse(process.argv[2]!) as ChatPlan;
const { port, model, longModel } = plan;
const agent = new Agent({ keepAlive: true, maxSockets: 4096, noDelay: true });
const role = (i: number) => (i === 0 ? "system" : i % 2 === 1 ? "user" : "assistant");
const eightMessages = Array.from({ length: 8 }, (_, i) => ({
  role: role(i),
  content: `Message ${i}: tell me about a river, a stone, and what the rain does to both of them in a year.`,
}));
const words =
  "the river carries a stone past the old mill while rain falls on fields and roads ".repeat(8);

/** Milliseconds until the first byte of the body and until its end; throws unless it is a 200. */
function chat(body: string): Promise<{ firstMs: number; endMs: number }> {
  return new Promise((resolve, reject) => {
    const begunMs = performance.now();
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    const read = (response: IncomingMessage) => {
      let firstMs = 0;
      response.on("data", () => {
        firstMs ||= performance.now() - begunMs;
      });
      response.on("end", () => {
        if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
        else resolve({ firstMs, endMs: performance.now() - begunMs });
      });
      response.on("error", reject);
    };
    const path = "/v1/chat/completions";
    request({ port, host: "127.0.0.1", method: "POST", path, headers, agent }, read)
      .on("error", reject)
      .end(body);
  });
}

const bodyOf = (messages: readonly object[], stream: boolean, name = model) =>
  JSON.stringify({ model: name, messages, max_tokens: 1, ignore_eos: true, stream });
/** Each differs from its first word on: nothing comes from a cache. */
const longBody = (n: number) => {
  const count = (plan.longTokens ?? 0) / tokensOfWords;
  const content = `${n} ${words.repeat(Math.ceil(count))}`;
  return bodyOf([{ role: "user", content }], true, longModel);
};
/** Of the bundled model's tokenizer, measured. */
const tokensOfWords = 161;

const times = { short: [] as number[], long: [] as number[] };
const errors = { short: 0, long: 0 };
const endMs = performance.now() + plan.seconds * 1000;

async function closedLoop(): Promise<void> {
  const body = bodyOf(eightMessages, false);
  while (performance.now() < endMs) {
    await chat(body).then(
      (it) => times.short.push(it.endMs),
      () => {
        errors.short += 1;
      },
    );
  }
}

async function openLoop(
  kind: "short" | "long",
  perSecond: number,
  body: (n: number) => string,
): Promise<void> {
  const running: Promise<void>[] = [];
  const begunMs = performance.now();
  for (let n = 0; performance.now() < endMs; n++) {
    const waitMs = begunMs + (n * 1000) / perSecond - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    running.push(
      chat(body(n)).then(
        (it) => void times[kind].push(it.firstMs),
        () => {
          errors[kind] += 1;
        },
      ),
    );
  }
  const patience = new Promise((resolve) => setTimeout(resolve, 20_000).unref());
  await Promise.race([Promise.all(running), patience]);
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}

const begun = performance.now();
await Promise.all([
  ...Array.from({ length: plan.connections ?? 0 }, closedLoop),
  ...(plan.shortPerSecond
    ? [openLoop("short", plan.shortPerSecond, () => bodyOf(eightMessages, true))]
    : []),
  ...(plan.longPerSecond ? [openLoop("long", plan.longPerSecond, longBody)] : []),
]);
const result: ChatResult = {
  answers: times.short.length,
  perSecond: times.short.length / ((performance.now() - begun) / 1000),
  errors: errors.short,
  p50Ms: percentile(times.short, 0.5),
  p99Ms: percentile(times.short, 0.99),
  longAnswers: times.long.length,
  longErrors: errors.long,
  longP50Ms: percentile(times.long, 0.5),
  longP99Ms: percentile(times.long, 0.99),
};
process.stdout.write(JSON.stringify(result), () => process.exit(0));
