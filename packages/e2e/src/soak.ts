// Mixed load with random aborts against a running server, and what must hold afterwards.
import { createRandom, type Random } from "./random.ts";
import { type EngineLoad, waitUntilIdle } from "./read-metrics.ts";
import { residentMb } from "./resident-mb.ts";

export interface SoakOptions {
  readonly url: string;
  /** Of the worker's system server. */
  readonly systemUrl: string;
  /** The launcher's. */
  readonly pid: number;
  readonly model: string;
  readonly concurrency: number;
  readonly durationMs: number;
  readonly seed: number;
}

export interface SoakResult {
  readonly sent: number;
  readonly completed: number;
  /** Ended by the client on purpose. */
  readonly aborted: number;
  /** Anything that nobody asked for. */
  readonly errors: readonly string[];
  readonly generatedTokens: number;
  /** Resident memory of the launcher and its processes, in MB: early in the run, at its end, after it. */
  readonly rssMb: { readonly early: number; readonly late: number; readonly after: number };
  /** Once everybody has left. */
  readonly load: EngineLoad;
}

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const random = createRandom(options.seed);
  const end = Date.now() + options.durationMs;
  const tally = { sent: 0, completed: 0, aborted: 0, generatedTokens: 0, errors: [] as string[] };
  const early = setTimeout(() => {
    rss.early = residentMb(options.pid);
  }, options.durationMs / 4);
  const rss = { early: 0, late: 0, after: 0 };
  const client = async () => {
    while (Date.now() < end) {
      tally.sent += 1;
      try {
        const outcome = await sendOne(options, random);
        tally[outcome.aborted ? "aborted" : "completed"] += 1;
        tally.generatedTokens += outcome.tokens;
      } catch (error) {
        tally.errors.push(
          error instanceof Error ? `${error.message} ${error.cause ?? ""}` : String(error),
        );
      }
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, client));
  clearTimeout(early);
  rss.late = residentMb(options.pid);
  const load = await waitUntilIdle(options.systemUrl);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  rss.after = residentMb(options.pid);
  return { ...tally, rssMb: rss, load };
}

async function sendOne(
  { url, model }: SoakOptions,
  random: Random,
): Promise<{ aborted: boolean; tokens: number }> {
  const body = createBody(model, random);
  const controller = new AbortController();
  // A third leave: some before the first token, some in mid-stream.
  const abortAfterMs = random() < 1 / 3 ? random() ** 2 * 2_000 : null;
  const timer = abortAfterMs === null ? null : setTimeout(() => controller.abort(), abortAfterMs);
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: controller.signal,
    });
    const text = await response.text();
    if (response.status !== 200)
      throw new Error(`status ${response.status}: ${text.slice(0, 200)}`);
    if (text.includes('"error"')) throw new Error(`error event: ${text.slice(-300)}`);
    return { aborted: false, tokens: completionTokens(text, body.stream) };
  } catch (error) {
    if (controller.signal.aborted) return { aborted: true, tokens: 0 };
    throw error;
  } finally {
    if (timer !== null) clearTimeout(timer);
  }
}

function createBody(model: string, random: Random) {
  const stream = random() < 0.7;
  const long = random() < 0.2;
  const facts = Array.from(
    { length: 60 },
    (_, i) => `box ${i} holds ${Math.floor(random() * 9000)}`,
  );
  const prompts = [
    "Hello!",
    `What is ${Math.floor(random() * 90)} + ${Math.floor(random() * 90)}?`,
    "Count from 1 to 40.",
    `Reverse the letters ${Math.floor(random() * 1e6).toString(36)}.`,
  ];
  const content = long
    ? `${facts.join(". ")}. What does box 7 hold?`
    : prompts[Math.floor(random() * prompts.length)]!;
  return {
    model,
    stream,
    ...(stream ? { stream_options: { include_usage: true } } : {}),
    messages: [{ role: "user", content }],
    max_tokens: 8 + Math.floor(random() * 120),
    temperature: random() < 0.5 ? 0 : 1,
    ...(random() < 0.1 ? { n: 2 } : {}),
    ...(random() < 0.1 ? { stop: ["7"] } : {}),
    ...(random() < 0.1 ? { logprobs: true, top_logprobs: 3 } : {}),
    ...(random() < 0.2 ? { ignore_eos: true } : {}),
  };
}

function completionTokens(text: string, stream: boolean): number {
  if (!stream)
    return (JSON.parse(text) as { usage: { completion_tokens: number } }).usage.completion_tokens;
  if (!text.trimEnd().endsWith("data: [DONE]")) throw new Error("a stream ended without [DONE]");
  return Number(/"completion_tokens":(\d+)/.exec(text)?.[1] ?? 0);
}
