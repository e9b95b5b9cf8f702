// A worker of images and videos as anybody can write one with @dyn/runtime: it paints nothing, but answers the contract.
import { createPlanes, DistributedRuntime } from "@dyn/runtime";

const planes = await createPlanes({
  discoveryBackend: "file",
  fileKv: process.env.DYN_FILE_KV,
});
const runtime = new DistributedRuntime(planes);

async function serve(name: string, type: "images" | "videos", answer: (body: Body) => object) {
  const endpoint = `dyn://studio.${type}.generate`;
  const served = await runtime.endpoint(endpoint).serve<Body, object>(async function* (body) {
    yield { data: answer(body) };
  });
  await served.registerModel({
    displayName: name,
    sourcePath: name,
    modelTypes: [type],
    modelInput: "text",
    contextLength: 0,
    kvCacheBlockSize: 0,
    endpoint,
    created: Math.floor(Date.now() / 1000),
  });
}

interface Body {
  readonly model: string;
  readonly prompt: string;
  readonly input_reference?: string;
}

const seconds = () => Math.floor(Date.now() / 1000);
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** What was painted over, in words: the picture that came as a data URL, or its address. */
function describe(reference: string | undefined): string | null {
  const [, type, picture = ""] = /^data:([^;]+);base64,(.*)$/s.exec(reference ?? "") ?? [];
  if (type === undefined) return reference ?? null;
  return `${type}, ${Buffer.from(picture, "base64").length} bytes`;
}

await serve("painter", "images", ({ prompt, input_reference: reference }) => ({
  created: seconds(),
  data: [{ b64_json: base64(prompt), revised_prompt: describe(reference) }],
}));
await serve("director", "videos", ({ model, prompt, input_reference: reference }) => ({
  id: "video-1",
  object: "video",
  model,
  status: "completed",
  progress: 100,
  created: seconds(),
  data: [{ output_format: "mp4", b64_json: base64(prompt) }],
  inference_time_s: 0.1,
  ...(reference === undefined ? {} : { began_with: describe(reference) }),
}));
console.log("ready: yes");
process.once("SIGTERM", () => void runtime.drain({ drainTimeoutMs: 5_000 }));
