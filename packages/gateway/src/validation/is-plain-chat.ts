// The chats that most clients send most of the time, told at a glance. The schema is the judge of all others, and of
// what is wrong with them: a test holds that both agree.
import type { ChatCompletionRequest } from "@dyn/protocol";

const maxI32 = 2_147_483_647;
const maxU32 = 4_294_967_295;
const maxMessageCount = 65_536;
const maxStopLength = 1024;
const maxStopCount = 32;

type Rule = (value: unknown) => boolean;

const between =
  (low: number, high: number): Rule =>
  (value) =>
    typeof value === "number" && value >= low && value <= high;
const aboveUpTo =
  (low: number, high: number): Rule =>
  (value) =>
    typeof value === "number" && value > low && value <= high;
const wholeBetween =
  (low: number, high: number): Rule =>
  (value) =>
    Number.isInteger(value) && (value as number) >= low && (value as number) <= high;
const isFlag: Rule = (value) => typeof value === "boolean";
const isName: Rule = (value) => typeof value === "string" && value !== "";
const isStopText: Rule = (value) =>
  typeof value === "string" && value !== "" && value.length <= maxStopLength;

/** Of fields that may be null, too. */
const optional: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["max_tokens", wholeBetween(1, maxU32)],
  ["max_completion_tokens", wholeBetween(1, maxU32)],
  ["min_tokens", wholeBetween(0, maxU32)],
  ["n", wholeBetween(1, 128)],
  ["temperature", between(0, 2)],
  ["top_p", aboveUpTo(0, 1)],
  ["top_k", wholeBetween(-1, maxI32)],
  ["min_p", between(0, 1)],
  ["frequency_penalty", between(-2, 2)],
  ["presence_penalty", between(-2, 2)],
  ["repetition_penalty", aboveUpTo(0, 2)],
  ["seed", wholeBetween(-(2 ** 63), 2 ** 63)],
  ["logprobs", isFlag],
  ["top_logprobs", wholeBetween(0, 20)],
  ["stop", (value) => isStopText(value) || isStopList(value)],
  ["stream", isFlag],
  ["stream_options", isStreamOptions],
  ["ignore_eos", isFlag],
  ["include_stop_str_in_output", isFlag],
  ["skip_special_tokens", isFlag],
  ["store", isFlag],
  ["user", isName],
]);

/** `false` says nothing of the body but that the schema must look at it. */
export function isPlainChat(body: unknown): body is ChatCompletionRequest {
  if (typeof body !== "object" || body === null) return false;
  const fields = body as Readonly<Record<string, unknown>>;
  if (!isName(fields.model) || !arePlainMessages(fields.messages)) return false;
  for (const name in fields) {
    if (name === "model" || name === "messages") continue;
    const rule = optional.get(name);
    if (rule === undefined) return false;
    const value = fields[name];
    if (value !== null && !rule(value)) return false;
  }
  return true;
}

/** Each a role and a text, in this order: templates may print a message as it is. */
function arePlainMessages(messages: unknown): boolean {
  if (!Array.isArray(messages)) return false;
  if (messages.length === 0 || messages.length > maxMessageCount) return false;
  for (const message of messages) {
    if (typeof message !== "object" || message === null) return false;
    let count = 0;
    for (const name in message) {
      if (name !== (count === 0 ? "role" : "content")) return false;
      count += 1;
    }
    if (count !== 2 || typeof message.content !== "string") return false;
    const { role } = message;
    if (role !== "user" && role !== "assistant" && role !== "system") return false;
  }
  return true;
}

function isStopList(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= maxStopCount &&
    value.every(isStopText)
  );
}

function isStreamOptions(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([name, option]) =>
      (name === "include_usage" || name === "continuous_usage_stats") &&
      (option === null || isFlag(option)),
  );
}
