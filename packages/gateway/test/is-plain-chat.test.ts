import { ChatCompletionRequest } from "@dyn/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPlainChat } from "../src/validation/is-plain-chat.ts";

const chat = (extra: object = {}) => ({
  model: "tiny",
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hello" },
  ],
  ...extra,
});

/** Values on both sides of every bound, and of every wrong type. */
const value = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, "", "x", [], {}, "x".repeat(1024), "x".repeat(1025)),
  fc.constantFrom(-3, -2, -1, -0, 0, 0.5, 1, 1.5, 2, 2.5, 20, 21, 128, 129, 2 ** 31 - 1, 2 ** 31),
  fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 53, 2 ** 63, -(2 ** 63), 2 ** 64, Infinity),
  fc.double({ noNaN: true }),
  fc.array(fc.constantFrom<unknown>("a", "", "x".repeat(1025), 1, null), { maxLength: 34 }),
  fc.record(
    { include_usage: fc.constantFrom<unknown>(true, null, 1), other: fc.constant(1) },
    { requiredKeys: [] },
  ),
);

const name = fc.constantFrom(...Object.keys(ChatCompletionRequest.shape), "__proto__", "extra");
const messages = fc.oneof(
  fc.array(
    fc.dictionary(
      fc.constantFrom("role", "content", "name", "tool_calls", "__proto__"),
      fc.constantFrom<unknown>("user", "assistant", "system", "tool", "", null, 1, []),
    ),
    { maxLength: 3 },
  ),
  fc.constant([{ role: "user", content: "Hello" }]),
  value,
);

/** As a body arrives: JSON has no undefined, and "__proto__" is a key like any other. */
const body = fc
  .tuple(messages, fc.array(fc.tuple(name, value), { maxLength: 4 }), fc.boolean())
  .map(([list, fields, hasModel]) => {
    const parts = [...(hasModel ? [["model", "tiny"]] : []), ["messages", list], ...fields];
    const text = parts.map(([key, field]) => `${JSON.stringify(key)}:${toJson(field)}`).join(",");
    return JSON.parse(`{${text}}`) as unknown;
  });

/** An infinite number is how JSON.parse reads 1e999. */
function toJson(field: unknown): string {
  return field === Infinity ? "1e999" : JSON.stringify(field);
}

describe("a chat that is told at a glance", () => {
  it("is one that the schema takes as it is", () => {
    let plainCount = 0;
    fc.assert(
      fc.property(body, (it) => {
        if (!isPlainChat(it)) return;
        plainCount += 1;
        const parsed = ChatCompletionRequest.safeParse(it);
        expect(parsed.error?.issues ?? []).toEqual([]);
        // In its keys' order too: templates may print a message.
        expect(JSON.stringify(parsed.data?.messages)).toBe(JSON.stringify(it.messages));
        expect(parsed.data).toEqual(it);
      }),
      { numRuns: 5_000 },
    );
    expect(plainCount).toBeGreaterThan(100);
  });

  it("is what clients send most", () => {
    for (const extra of [
      {},
      { max_tokens: 1, ignore_eos: true, stream: false },
      { stream: true, stream_options: { include_usage: true }, temperature: 0.7, top_p: 0.9 },
      { stop: ["\n", "User:"], seed: 7, n: 2, max_completion_tokens: 9, presence_penalty: -1 },
      { temperature: null, user: "somebody", top_k: -1, min_p: 0.1, logprobs: true },
    ]) {
      expect(isPlainChat(chat(extra)), JSON.stringify(extra)).toBe(true);
    }
  });

  it("is none that the schema would change or refuse", () => {
    for (const it of [
      null,
      [],
      chat({ tools: [] }),
      chat({ stream_options: { include_usage: true, other: 1 } }),
      chat({ messages: [] }),
      chat({ messages: [{ content: "Hello", role: "user" }] }),
      chat({ messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }] }),
      chat({ model: "" }),
      chat({ temprature: 1 }),
    ]) {
      expect(isPlainChat(it), JSON.stringify(it)).toBe(false);
    }
  });
});
