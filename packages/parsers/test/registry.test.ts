import {
  createReasoningParser,
  createToolCallParser,
  reasoningParserNames,
  resolveParserName,
  toolCallParserNames,
} from "@dyn/parsers";
import { expect, it } from "vitest";

it("knows as many names as the references", () => {
  expect(toolCallParserNames()).toHaveLength(36);
  expect(reasoningParserNames()).toHaveLength(35);
  expect(toolCallParserNames("sglang")).toHaveLength(42);
  expect(reasoningParserNames("sglang")).toHaveLength(34);
});

it("refuses an unknown name with the nearest and all known ones", () => {
  expect(() => createToolCallParser("qwen3-coder", { tools: [] })).toThrow(
    /There is no tool-call parser "qwen3-coder". Did you mean "qwen3_coder"\? Known: deepseek-v4, .*qwen3_coder/,
  );
  expect(() => createReasoningParser("deepseek-r1")).toThrow(/Did you mean "deepseek_r1"/);
  expect(() => createReasoningParser("nothing-like-it")).toThrow(
    /"nothing-like-it"\. Known: basic/,
  );
});

it("keeps the names of the two processors apart", () => {
  expect(() => resolveParserName("tool-call", "deepseekv3")).toThrow(/deepseek_v3/);
  expect(resolveParserName("tool-call", "deepseekv3", "sglang").name).toBe("deepseek_v3");
  expect(() => resolveParserName("tool-call", "hermes", "sglang")).not.toThrow();
  expect(() => resolveParserName("tool-call", "lfm2")).toThrow(/no tool-call parser/);
});

it("says which formats need their special tokens kept", () => {
  const special = toolCallParserNames().filter(
    (name) => resolveParserName("tool-call", name).needsSpecialTokens,
  );
  expect(special).toEqual([
    "deepseek_v41",
    "gemma-4",
    "gemma4",
    "harmony",
    "inkling",
    "kimi-k3",
    "kimi_k2",
    "kimi_k25",
    "kimi_k3",
    "minimax-m3",
    "minimax-m3-nom",
    "minimax_m3",
    "minimax_m3_nom",
    "mistral",
    "muse",
    "muse_glimmer",
  ]);
  expect(resolveParserName("tool-call", "kimi_k2").structuralTag).toBe("always");
  expect(resolveParserName("tool-call", "kimi_k3").structuralTag).toBe("named");
});
