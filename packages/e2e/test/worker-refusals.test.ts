// What a worker cannot do is said before it connects or loads anything, whatever spelling asked for it.
import { parseWorkerArgs } from "@dyn/args";
import { createLogger, parseLogFilter } from "@dyn/logging";
import { resolveBundledModel, startWorker } from "@dyn/worker";
import { expect, test } from "vitest";

async function refusal(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  try {
    const args = parseWorkerArgs({ argv: ["--model-path", "dyn-tiny-chat", ...argv], env });
    if (args.action === "print") return args.text;
    await startWorker({
      args: resolveBundledModel(args),
      // Nothing is connected.
      planes: null as never,
      logger: createLogger({ target: "test", filter: parseLogFilter("off") }),
      signal: new AbortController().signal,
    });
    return "started";
  } catch (error) {
    return String(error);
  }
}

test.each([
  [["--multimodal-processor"]],
  [["--multimodal-encode-worker"]],
  [["--multimodal-worker", "--disaggregation-mode", "prefill"]],
  [["--enable-multimodal"]],
  [["--enable-multimodal", "--dedicated-mm-encoder", "--disaggregation-mode", "pd"]],
  [["--image-diffusion-worker"]],
  [["--video-generation-worker"]],
  [["--frontend-decoding"]],
])("%s: text only", async (argv) => {
  expect(await refusal(argv)).toContain("take and give text");
});

test.each([
  "DYN_SGL_MULTIMODAL_PROCESSOR",
  "DYN_SGL_MULTIMODAL_ENCODE_WORKER",
  "DYN_SGL_MULTIMODAL_WORKER",
  "DYN_SGL_ENABLE_MULTIMODAL",
  "DYN_SGL_IMAGE_DIFFUSION_WORKER",
])("%s: text only", async (name) => {
  const said = await refusal([], { [name]: "true" });
  expect(said).toContain("take and give text");
  expect(said).toContain(name);
});

test.each([
  ["--custom-jinja-template", "/nowhere.jinja", "there is no such file"],
  ["--chat-template", "/nowhere.jinja", "there is no such file"],
  ["--engine-route", "x=unknown", "the engine has no method unknown; it has start_profile"],
  ["--engine-route", "a:b:c", "more than one"],
  ["--engine-routes", "all", "give a key with --engine-routes-key"],
])("%s %s", async (flag, value, words) => {
  const said = await refusal([flag, value]);
  expect(said).toContain(words);
  expect(said).toContain(flag);
});
