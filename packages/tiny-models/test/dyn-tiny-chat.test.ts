import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { crc32 } from "node:zlib";
import { bundledModels, isBundledModel, modelPath } from "@dyn/tiny-models";
import { describe, expect, it } from "vitest";

const folder = modelPath("dyn-tiny-chat");
const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const fixture = (name: string) => readJson(join(import.meta.dirname, "fixtures", name));
const maximumWeightBytes = 12_000_000;

interface EvalCase {
  test: string;
  skill: string;
  prompt: string;
  prompt_ids: number[];
  answer_ids: number[];
  answer: string;
  finish_reason: "stop" | "length";
  right: boolean;
  enable_thinking: boolean;
}
const evalCases: EvalCase[] = fixture("eval-prompts.json").cases;

describe("bundled models", () => {
  it("have an absolute directory of Hugging Face files each", () => {
    for (const name of bundledModels) {
      expect(isAbsolute(modelPath(name))).toBe(true);
      expect(readdirSync(modelPath(name))).toEqual(
        expect.arrayContaining(["config.json", "model.safetensors", "tokenizer.json"]),
      );
    }
  });

  it("are told from other names", () => {
    expect(isBundledModel("dyn-tiny-chat")).toBe(true);
    expect(isBundledModel("toString")).toBe(false);
  });

  it("are the files of the manifest and no others", () => {
    const models = join(folder, "..");
    const listed = readFileSync(join(models, "SHA256SUMS"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split("  ") as [string, string]);
    const present = bundledModels.flatMap((m) =>
      readdirSync(join(models, m), { recursive: true, withFileTypes: true }).flatMap((entry) =>
        entry.isFile()
          ? relative(models, join(entry.parentPath, entry.name)).replaceAll("\\", "/")
          : [],
      ),
    );
    expect(listed.map(([, file]) => file).sort()).toEqual(present.sort());
    for (const [sum, file] of listed) {
      const hash = createHash("sha256")
        .update(readFileSync(join(models, file)))
        .digest("hex");
      expect(hash, file).toBe(sum);
    }
  });
});

describe("dyn-tiny-chat", () => {
  it("is a Qwen3 of 5.8 million parameters in bf16 below 12 MB", () => {
    expect(readJson(join(folder, "config.json"))).toMatchObject({
      architectures: ["Qwen3ForCausalLM"],
      hidden_size: 256,
      num_hidden_layers: 8,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 64,
      vocab_size: 4096,
      max_position_embeddings: 4096,
      tie_word_embeddings: true,
      eos_token_id: 4089,
    });
    const weights = readFileSync(join(folder, "model.safetensors"));
    expect(statSync(join(folder, "model.safetensors")).size).toBeLessThanOrEqual(
      maximumWeightBytes,
    );
    const header = JSON.parse(
      weights.subarray(8, 8 + Number(weights.readBigUInt64LE(0))).toString(),
    );
    const tensors = Object.entries<{ dtype: string; shape: number[] }>(header).filter(
      ([name]) => name !== "__metadata__",
    );
    expect(new Set(tensors.map(([, t]) => t.dtype))).toEqual(new Set(["BF16"]));
    expect(tensors.map(([name]) => name)).toContain("model.layers.7.self_attn.q_norm.weight");
    const parameterCount = tensors.reduce((n, [, t]) => n + t.shape.reduce((a, b) => a * b, 1), 0);
    expect(parameterCount).toBe(5_772_544);
  });

  it("has its special tokens at the end of the vocabulary", () => {
    const added = readJson(join(folder, "tokenizer.json")).added_tokens as {
      id: number;
      content: string;
      special: boolean;
    }[];
    expect(added.map((t) => [t.id, t.content, t.special])).toEqual([
      [4087, "<|endoftext|>", true],
      [4088, "<|im_start|>", true],
      [4089, "<|im_end|>", true],
      [4090, "<tool_call>", false],
      [4091, "</tool_call>", false],
      [4092, "<tool_response>", false],
      [4093, "</tool_response>", false],
      [4094, "<think>", false],
      [4095, "</think>", false],
    ]);
  });

  it("brings a chat template that knows tools and thinking", () => {
    const { chat_template: template } = readJson(join(folder, "tokenizer_config.json"));
    for (const word of ["<tools>", "<tool_response>", "reasoning_content", "enable_thinking"]) {
      expect(template).toContain(word);
    }
  });
});

describe("the recorded answers", () => {
  /** The rule of the generator: one in ten, by the checksum of Python's repr of (kind, key). */
  const isHeld = (repr: string) => crc32(repr) % 10 === 0;

  it("cover every skill, and most of them are right", () => {
    expect(new Set(evalCases.map((c) => c.skill)).size).toBeGreaterThanOrEqual(19);
    const stopped = evalCases.filter((c) => c.finish_reason === "stop");
    expect(stopped.filter((c) => c.right).length / stopped.length).toBeGreaterThan(0.95);
  });

  it("keep the form of the think block", () => {
    for (const c of evalCases) {
      expect(c.answer.startsWith("<think>\n"), c.prompt).toBe(c.enable_thinking);
      expect(c.prompt.endsWith("<think>\n\n</think>\n\n")).toBe(!c.enable_thinking);
    }
  });

  it("add and subtract numbers that training never had together", () => {
    const sums = evalCases.filter(
      (c) => /^(addition|subtraction)/.test(c.test) && !c.enable_thinking,
    );
    const pairs = sums.flatMap((c) => {
      const m = /^(\d+) ([+-]) (\d+) = /.exec(c.answer);
      return m ? [{ op: m[2], a: Number(m[1]), b: Number(m[3]) }] : [];
    });
    expect(pairs.length).toBeGreaterThan(3);
    for (const { op, a, b } of pairs) {
      const [x, y] = op === "+" && a > b ? [b, a] : [a, b];
      expect(isHeld(`('operands', ('${op}', ${x}, ${y}))`), `${a} ${op} ${b}`).toBe(true);
    }
  });

  it("reverse words that training never had", () => {
    const words = evalCases.filter((c) => c.skill === "reverse" && c.right && !c.enable_thinking);
    expect(words.length).toBeGreaterThan(8);
    for (const c of words) {
      expect(isHeld(`('text', '${[...c.answer].reverse().join("")}')`), c.answer).toBe(true);
    }
  });
});

describe("the recorded templates", () => {
  it("are forty requests whose thinking is off unless it is asked for", () => {
    const cases: { enable_thinking: boolean | null; rendered: string }[] =
      fixture("template-cases.json").cases;
    expect(cases).toHaveLength(40);
    for (const c of cases) {
      expect(c.rendered.endsWith("<|im_start|>assistant\n")).toBe(c.enable_thinking === true);
    }
  });
});
