// An answer as far as it must be the same wherever it was computed, and what differs between two.
import type { Question } from "./question.ts";

export interface Answer {
  /** Of each choice. */
  readonly choices: readonly Choice[];
  /** Tokens of the prompt and of all choices; what was cached is the cache's affair. */
  readonly usage: readonly [prompt: number, completion: number, total: number];
}

interface Choice {
  /** Everything of the message, as JSON; ids of tool calls are drawn anew each time. */
  readonly text: string;
  readonly finishReason: string | null;
  readonly tokens: readonly string[];
  readonly logprobs: readonly number[];
}

export type Aspect = "text" | "tokens" | "finish reason" | "usage";
export const aspects: readonly Aspect[] = ["text", "tokens", "finish reason", "usage"];

interface WireChoice {
  readonly index: number;
  readonly text?: string;
  readonly message?: Readonly<Record<string, unknown>>;
  readonly finish_reason: string | null;
  readonly logprobs?: {
    readonly tokens?: readonly string[];
    readonly token_logprobs?: readonly number[];
    readonly content?: readonly { token: string; bytes: number[] | null; logprob: number }[];
  } | null;
}

interface WireAnswer {
  readonly choices: readonly WireChoice[];
  readonly usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
}

/** Throws when the answer is an error, or none comes in time. */
export async function ask(
  url: string,
  { path, body }: Question,
  timeoutMs = 120_000,
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text.slice(0, 300)}`);
  const { choices: said, usage } = JSON.parse(text) as WireAnswer;
  const choices = said.toSorted((a, b) => a.index - b.index).map(readChoice);
  return {
    choices,
    usage: [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens],
  };
}

function readChoice({ text, message, finish_reason, logprobs }: WireChoice): Choice {
  const content = logprobs?.content;
  return {
    text: JSON.stringify(text ?? message, (key, value) => (key === "id" ? undefined : value)),
    finishReason: finish_reason,
    tokens: logprobs?.tokens ?? content?.map(({ token, bytes }) => `${token} ${bytes}`) ?? [],
    logprobs: logprobs?.token_logprobs ?? content?.map(({ logprob }) => logprob) ?? [],
  };
}

/** What is not the same; nothing of it is left to rounding. */
export function differingAspects(a: Answer, b: Answer): Aspect[] {
  const views: Record<Aspect, (answer: Answer) => unknown> = {
    text: ({ choices }) => choices.map(({ text }) => text),
    tokens: ({ choices }) => choices.map(({ tokens }) => tokens),
    "finish reason": ({ choices }) => choices.map(({ finishReason }) => finishReason),
    usage: ({ usage }) => usage,
  };
  return aspects.filter(
    (aspect) => JSON.stringify(views[aspect](a)) !== JSON.stringify(views[aspect](b)),
  );
}

/** The largest difference between log-probabilities of the same tokens. */
export function logprobDifference(a: Answer, b: Answer): number {
  const of = ({ choices }: Answer) => choices.flatMap(({ logprobs }) => logprobs);
  const others = of(b);
  return of(a).reduce((most, it, i) => Math.max(most, Math.abs(it - (others[i] ?? it))), 0);
}
