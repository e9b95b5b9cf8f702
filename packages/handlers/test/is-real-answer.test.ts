import { isRealAnswer } from "@dyn/handlers";
import { expect, test } from "vitest";

test.each([
  ["a token", { token_ids: [5], index: 0 }],
  [
    "a first token that ended the answer",
    { token_ids: [], finish_reason: "stop", completion_usage: { completion_tokens: 1 } },
  ],
  ["a vector", { object: "list", data: [{ embedding: [0.5] }] }],
  ["a vector in base64", { data: [{ embedding: "AAAAPw==" }] }],
  ["a score", [{ index: 0, score: 0.5 }]],
  ["a chat's usage", { choices: [], usage: { completion_tokens: 1 } }],
])("%s was computed", (_, item) => expect(isRealAnswer(item)).toBe(true));

test.each([
  ["where to meet", { token_ids: [], disaggregated_params: { bootstrap_room: 0 } }],
  ["an error item", { status: "error", message: "no such request" }],
  ["an end without a token", { token_ids: [], finish_reason: "cancelled" }],
  ["an empty list", { data: [] }],
  ["a list of no documents", []],
  ["nothing", undefined],
])("%s was not", (_, item) => expect(isRealAnswer(item)).toBe(false));
