// The sglang chat processor: SGLang's names and the operator's template, whatever the workers' cards say.
import type { ModelCard } from "@dyn/protocol";
import { modelPath } from "@dyn/tiny-models";
import { loadTokenizer } from "@dyn/tokenizer";
import { afterEach, expect, it } from "vitest";
import { type Deployment, startDeployment } from "./support/deployment.ts";
import { startScriptedWorker } from "./support/scripted-worker.ts";

let deployment: Deployment;
afterEach(() => deployment.close());

const name = "scripted";
const call = '<tool_call>\n{"name": "weather", "arguments": {"place": "Rome"}}\n</tool_call>';
let prompt: readonly number[] = [];

async function serve(
  gateway: Parameters<typeof startDeployment>[0] & object,
  card: Partial<ModelCard>,
) {
  deployment = await startDeployment(gateway);
  const tokenizer = await loadTokenizer(modelPath("dyn-tiny-chat"));
  await startScriptedWorker(
    deployment.hub,
    name,
    async function* ({ token_ids }) {
      prompt = Array.from(token_ids);
      yield { token_ids: Array.from(tokenizer.encode(call)), finish_reason: "stop" };
    },
    card,
  );
  return tokenizer;
}

async function ask() {
  await deployment.gateway.waitForModel(name, { signal: AbortSignal.timeout(30_000) });
  const { choices } = await deployment.client.chat.completions.create({
    model: name,
    messages: [{ role: "user", content: "How is it in Rome?" }],
    tools: [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }],
    ...({ skip_special_tokens: false } as object),
  });
  return choices[0]!;
}

it("reads by the chosen parser and renders the chosen template", async () => {
  const tokenizer = await serve(
    {
      gateway: {
        parsers: { processor: "sglang", toolCalls: "qwen25", reasoning: null },
        chatTemplate: "{% for message in messages %}<<{{ message.content }}>>{% endfor %}",
      },
    },
    {},
  );
  const choice = await ask();
  expect(choice.finish_reason).toBe("tool_calls");
  expect(choice.message.tool_calls![0]).toMatchObject({
    function: { name: "weather", arguments: '{"place": "Rome"}' },
  });
  expect(tokenizer.decode(prompt, { skipSpecialTokens: false })).toBe("<<How is it in Rome?>>");
});

it("takes SGLang's counterpart of the card's parser where none is chosen", async () => {
  await serve(
    { gateway: { parsers: { processor: "sglang", toolCalls: null, reasoning: null } } },
    { runtimeConfig: { toolCallParser: "hermes" } },
  );
  expect((await ask()).finish_reason).toBe("tool_calls");
});

it("refuses to start with a name that SGLang does not have", async () => {
  const start = startDeployment({
    gateway: { parsers: { processor: "sglang", toolCalls: "phi4", reasoning: null } },
  });
  await expect(start).rejects.toThrow(/no tool-call parser "phi4".*Known: .*qwen25/);
  deployment = await startDeployment();
});
