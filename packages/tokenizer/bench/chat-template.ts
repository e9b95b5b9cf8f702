// Rendering time of our chat templates beside @huggingface/jinja, on the templates of the test fixtures.
// node --conditions=@dyn/source --import tsx packages/tokenizer/bench/chat-template.ts
import { readdirSync, readFileSync } from "node:fs";
import { createChatTemplate } from "@dyn/tokenizer";
import { Template } from "@huggingface/jinja";

const folder = new URL("../test/fixtures/template/", import.meta.url);
const names = readdirSync(new URL("sources/", folder)).map((name) => name.replace(".jinja", ""));
const tools = Array.from({ length: 3 }, (_, index) => ({
  type: "function",
  function: {
    name: `tool_${index}`,
    description: "Looks something up.",
    parameters: {
      type: "object",
      properties: { query: { type: "string" }, count: { type: "integer" } },
    },
  },
}));
const messages = (count: number) => [
  { role: "system", content: "You are helpful." },
  ...Array.from({ length: count }, (_, index) => ({
    role: index % 2 === 0 ? "user" : "assistant",
    content: `Message ${index}: ${"some words of a conversation ".repeat(3)}`,
  })),
];

/** Best of 5 rounds, microseconds for one call. */
function time(run: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const begin = performance.now();
    let count = 0;
    while (performance.now() - begin < 100) {
      run();
      count++;
    }
    best = Math.min(best, ((performance.now() - begin) * 1000) / count);
  }
  return best;
}

console.log("template, messages, tools, ours (us), @huggingface/jinja (us), ratio, same text");
for (const name of names) {
  const source = readFileSync(new URL(`sources/${name}.jinja`, folder), "utf8");
  const ours = createChatTemplate(source, { bosToken: "<s>", eosToken: "</s>" });
  for (const [count, withTools] of [
    [5, true],
    [59, false],
  ] as const) {
    const input = { messages: messages(count), tools: withTools ? tools : undefined };
    const variables = {
      messages: input.messages,
      tools: input.tools ?? null,
      documents: null,
      add_generation_prompt: true,
      bos_token: "<s>",
      eos_token: "</s>",
    };
    const oursUs = time(() => ours.render(input));
    let theirs = "fails";
    let ratio = "";
    let same = "";
    try {
      const template = new Template(source);
      same = String(template.render(variables) === ours.render(input));
      const theirsUs = time(() => template.render(variables));
      theirs = theirsUs.toFixed(0);
      ratio = (theirsUs / oursUs).toFixed(1);
    } catch (error) {
      same = error instanceof Error ? error.message : String(error);
    }
    console.log([name, count + 1, withTools, oursUs.toFixed(0), theirs, ratio, same].join(", "));
  }
}
