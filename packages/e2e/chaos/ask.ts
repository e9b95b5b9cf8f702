// One request as a careful client sends it: streamed, read token by token, never waited for without end.
import { randomUUID } from "node:crypto";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import type { Question } from "./question.ts";

/** `refused`: nobody listened, nothing was sent. `broken`: the connection was lost. `typed`: an error with a code. */
export type AskFailure = "refused" | "broken" | "typed" | "hung" | "left";

export interface Answer {
  /** Of the request, at every process that has it. */
  readonly id: string;
  readonly sentAtMs: number;
  readonly endedAtMs: number;
  /** The longest time without a token, from the sending on. */
  readonly longestGapMs: number;
  /** Token ids of each choice. */
  readonly choices: number[][];
  /** `null`: complete. */
  readonly failure: AskFailure | null;
  /** Code or words of the failure. */
  readonly reason: string;
}

export interface AskOptions {
  readonly url: string;
  readonly model: string;
  readonly agent: Agent;
  /** An answer that takes longer hangs. */
  readonly hangMs: number;
  /** The client leaves after so long. */
  readonly leaveAfterMs?: number;
  /** The id that is sent with it; default: drawn. */
  readonly id?: string;
  /** Something of the answer came. */
  readonly onHeard?: () => void;
}

export function createAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
}

export async function ask(question: Question, options: AskOptions): Promise<Answer> {
  const { id = randomUUID(), onHeard } = options;
  const sentAtMs = performance.now();
  const choices: number[][] = Array.from({ length: question.choiceCount }, () => []);
  const gap = { lastMs: sentAtMs, longestMs: 0 };
  const state = { finished: 0, isDone: false };
  const outcome = await exchange(question, { ...options, id }, (event) => {
    onHeard?.();
    const nowMs = performance.now();
    gap.longestMs = Math.max(gap.longestMs, nowMs - gap.lastMs);
    gap.lastMs = nowMs;
    if (event === "[DONE]") {
      state.isDone = true;
      return null;
    }
    const chunk = JSON.parse(event) as Chunk;
    if (chunk.error !== undefined) return String(chunk.error.code ?? chunk.error.message);
    for (const choice of chunk.choices ?? []) {
      for (const token of choice.logprobs?.tokens ?? []) {
        choices[choice.index]?.push(Number(token.slice("token_id:".length)));
      }
      if (choice.finish_reason != null) state.finished += 1;
    }
    return null;
  });
  const endedAtMs = performance.now();
  const isWhole = state.isDone && state.finished === question.choiceCount;
  const failure = outcome.failure ?? (isWhole ? null : "broken");
  return {
    id,
    sentAtMs,
    endedAtMs,
    longestGapMs: Math.max(gap.longestMs, endedAtMs - gap.lastMs),
    choices,
    failure,
    reason: outcome.reason ?? (failure === null ? "" : "ended before [DONE]"),
  };
}

interface Chunk {
  readonly error?: { readonly code?: unknown; readonly message?: unknown };
  readonly choices?: readonly {
    readonly index: number;
    readonly finish_reason?: string | null;
    readonly logprobs?: { readonly tokens: readonly string[] } | null;
  }[];
}

interface Outcome {
  readonly failure: AskFailure | null;
  readonly reason?: string;
}

/** `onEvent` gives the code of an error event, else `null`. */
function exchange(
  question: Question,
  options: AskOptions & { readonly id: string },
  onEvent: (data: string) => string | null,
): Promise<Outcome> {
  const { url, model, agent, hangMs, leaveAfterMs, id } = options;
  const body = JSON.stringify({
    model,
    prompt: question.prompt,
    max_tokens: question.tokenCount,
    n: question.choiceCount,
    ...(question.seed === null ? { temperature: 0 } : { temperature: 1, seed: question.seed }),
    ignore_eos: true,
    stream: true,
    logprobs: 0,
    return_tokens_as_token_ids: true,
  });
  return new Promise((resolve) => {
    const sent = httpRequest(`${url}/v1/completions`, {
      method: "POST",
      agent,
      headers: { "content-type": "application/json", "x-request-id": id },
    });
    const timers: NodeJS.Timeout[] = [];
    const end = (outcome: Outcome) => {
      for (const timer of timers) clearTimeout(timer);
      resolve(outcome);
    };
    const giveUp = (failure: AskFailure, afterMs: number) => {
      timers.push(
        setTimeout(() => {
          end({ failure, reason: `after ${afterMs} ms` });
          sent.destroy();
        }, afterMs),
      );
    };
    giveUp("hung", hangMs);
    if (leaveAfterMs !== undefined) giveUp("left", leaveAfterMs);
    sent.on("error", (error: NodeJS.ErrnoException) => {
      const isRefused = error.code === "ECONNREFUSED";
      end({ failure: isRefused ? "refused" : "broken", reason: error.message });
    });
    sent.on("response", (response) => void readAnswer(response, onEvent).then(end));
    sent.end(body);
  });
}

async function readAnswer(
  response: IncomingMessage,
  onEvent: (data: string) => string | null,
): Promise<Outcome> {
  response.setEncoding("utf8");
  const isStream = response.statusCode === 200;
  let text = "";
  try {
    for await (const chunk of response) {
      text += chunk;
      for (let end = text.indexOf("\n\n"); isStream && end >= 0; end = text.indexOf("\n\n")) {
        const line = text
          .slice(0, end)
          .split("\n")
          .find((part) => part.startsWith("data: "));
        text = text.slice(end + 2);
        const code = line === undefined ? null : onEvent(line.slice("data: ".length));
        if (code !== null) return { failure: "typed", reason: code };
      }
    }
  } catch (error) {
    return { failure: "broken", reason: String(error) };
  }
  if (isStream) return { failure: null };
  const code = /"code":"?([^",}]+)/.exec(text)?.[1];
  return { failure: "typed", reason: `${response.statusCode} ${code ?? text.slice(0, 100)}` };
}
