import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { loadChatTemplate } from "@dyn/tokenizer";
import { expect, onTestFinished, test } from "vitest";

async function modelDirectory(files: Readonly<Record<string, unknown>>): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "dyn-template-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    const text = typeof content === "string" ? content : JSON.stringify(content);
    await writeFile(join(directory, name), text);
  }
  return directory;
}

async function renderIn(files: Readonly<Record<string, unknown>>, override?: string) {
  const template = await loadChatTemplate(await modelDirectory(files), override);
  return {
    plain: template?.render({ messages: [] }),
    tools: template?.render({ messages: [], tools: [{}] }),
  };
}

test("a string in tokenizer_config.json, with its tokens in both spellings", async () => {
  const config = {
    chat_template: "{{ bos_token }}{{ eos_token }}",
    bos_token: { content: "<s>", special: true },
    eos_token: "</s>",
  };
  expect((await renderIn({ "tokenizer_config.json": config })).plain).toBe("<s></s>");
});

test("named templates in tokenizer_config.json", async () => {
  const chat_template = [
    { name: "default", template: "d" },
    { name: "tool_use", template: "t" },
    { name: "rag", template: "r" },
  ];
  const rendered = await renderIn({ "tokenizer_config.json": { chat_template } });
  expect(rendered).toEqual({ plain: "d", tools: "t" });
});

test("chat_template.jinja wins over chat_template.json, which wins over tokenizer_config.json", async () => {
  const config = { "tokenizer_config.json": { chat_template: "config", bos_token: "<s>" } };
  const json = { ...config, "chat_template.json": { chat_template: "json" } };
  const jinja = { ...json, "chat_template.jinja": "jinja{{ bos_token }}" };
  expect((await renderIn(json)).plain).toBe("json");
  expect((await renderIn(jinja)).plain).toBe("jinja<s>");
  expect((await renderIn(jinja, "override{{ bos_token }}")).plain).toBe("override<s>");
  const more = { ...jinja, "additional_chat_templates/tool_use.jinja": "more" };
  expect((await renderIn(more)).tools).toBe("more");
});

test("tokens of special_tokens_map.json count when tokenizer_config.json has none", async () => {
  const files = {
    "special_tokens_map.json": { bos_token: "<m>" },
    "chat_template.jinja": "{{ bos_token }}",
  };
  expect((await renderIn(files)).plain).toBe("<m>");
});

test("a model without a template has none", async () => {
  expect(await loadChatTemplate(await modelDirectory({ "tokenizer_config.json": {} }))).toBeNull();
  expect(await loadChatTemplate(await modelDirectory({}))).toBeNull();
});

test.each([
  [{ "tokenizer_config.json": "{" }, /tokenizer_config\.json: is not valid JSON/],
  [
    { "tokenizer_config.json": { chat_template: 5 } },
    /tokenizer_config\.json: field "chat_template" must be/,
  ],
  [
    { "chat_template.jinja": "{% if %}" },
    /chat_template\.jinja: is not a template that can be read: line 1/,
  ],
])("%j names the file at fault", async (files, message) => {
  await expect(loadChatTemplate(await modelDirectory(files))).rejects.toThrow(message);
});
