// What a worker's resident memory does when it is told over HTTP to give up its weights and its KV, by tags, and to take
// them back; and that nothing is answered before all of it is back. A random model of 19 Qwen3-0.6B layers, 600 MB on disk.
//   node --conditions=@dyn/source --import tsx packages/e2e/bench/memory-release.ts FOLDER [worker flags]
// FOLDER keeps the model for the next run.
import { join } from "node:path";
import { modelPath } from "@dyn/tiny-models";
import { writeCheckpoint } from "../../engine-onnx/bench/models/write-checkpoint.ts";
import { Deployment, untilListed } from "../src/deployment.ts";
import { residentMb } from "../src/resident-mb.ts";

const [folder, ...flags] = process.argv.slice(2);
if (folder === undefined) throw new Error("Give a folder for the model.");
const model = writeCheckpoint(join(folder, "layers-19"), {
  num_hidden_layers: 19,
  hidden_size: 1024,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  head_dim: 128,
  intermediate_size: 3072,
  vocab_size: 4096,
});
const deployment = new Deployment({ DYN_SYSTEM_PORT: "0" });
try {
  const { ready: url } = await deployment.startFrontend();
  const worker = await deployment.startWorker([
    ...["--model-path", model, "--tokenizer-path", modelPath("dyn-tiny-chat")],
    ...["--engine", "onnx", "--max-total-tokens", "4096", ...flags],
  ]);
  await untilListed(url, "tiny");
  const tell = async (route: string, body: object = {}) => {
    const begun = performance.now();
    const answer = await fetch(`${worker.systemUrl}/engine/${route}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${route}: ${answer.status} ${await answer.text()}`);
    return performance.now() - begun;
  };
  const ask = async (signal?: AbortSignal) => {
    const answer = await fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: "tiny",
        prompt: "The harbour at night. ".repeat(100),
        max_tokens: 8,
        temperature: 0,
        ignore_eos: true,
      }),
      ...(signal === undefined ? {} : { signal }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  const textOf = (answer: string): string => JSON.parse(answer).choices[0].text;
  const show = (what: string, ms?: number) =>
    console.log(
      `| ${what} | ${residentMb(worker.process.pid!)} | ${ms === undefined ? "" : Math.round(ms)} |`,
    );
  console.log("| | resident MB | ms |\n|---|---|---|");
  show("ready");
  const before = await ask();
  show("after a prompt");
  show("pause_generation", await tell("pause_generation"));
  const weights = { tags: ["weights"] };
  const kv = { tags: ["kv_cache"] };
  show("release weights", await tell("release_memory_occupation", weights));
  show("release weights again", await tell("release_memory_occupation", weights));
  show("release kv_cache", await tell("release_memory_occupation", kv));
  show("release all, again", await tell("release_memory_occupation"));
  show("resume kv_cache", await tell("resume_memory_occupation", kv));
  show("continue_generation, without weights", await tell("continue_generation"));
  const early = await ask(AbortSignal.timeout(3_000)).then(
    ({ status }) => `answered with ${status}`,
    () => "not answered within 3 s",
  );
  console.log(`| a request meanwhile: ${early} | | |`);
  show("resume weights", await tell("resume_memory_occupation", weights));
  show("resume all, again", await tell("resume_memory_occupation"));
  await untilListed(url, "tiny");
  let after = await ask();
  for (let i = 0; i < 100 && after.status !== 200; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    after = await ask();
  }
  show("after the same prompt");
  console.log(
    `| the answer is ${textOf(after.text) === textOf(before.text) ? "the same" : "another"} | | |`,
  );
} finally {
  await deployment.close();
}
