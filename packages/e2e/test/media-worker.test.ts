// A worker that somebody else wrote, in a process of its own, behind dyn-frontend's routes of images and videos.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type StartedProgram, startProcess, startProgram } from "../src/start-program.ts";

const folder = mkdtempSync(join(tmpdir(), "dyn-e2e-"));
const env = { DYN_FILE_KV: folder, DYN_HTTP_HOST: "127.0.0.1", DYN_HTTP_PORT: "0" };
let frontend: StartedProgram;
let worker: StartedProgram;

beforeAll(async () => {
  frontend = await startProgram({
    app: "frontend",
    args: ["--discovery-backend", "file"],
    env: { ...env, DYN_HTTP_SVC_MODELS_PATH: "/studio/models" },
    ready: /"url":"(http:[^"]+)"/,
  });
});
afterAll(async () => {
  await Promise.all([frontend?.stop("SIGKILL"), worker?.stop("SIGKILL")]);
  rmSync(folder, { recursive: true, force: true });
});

const post = (path: string, body: object) =>
  fetch(frontend.ready + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

test("routes come with the worker, serve, and go with it", async () => {
  const image = { model: "painter", prompt: "a lighthouse", response_format: "b64_json" as const };
  expect((await post("/v1/images/generations", image)).status).toBe(404);
  worker = await startProcess({
    command: process.execPath,
    args: ["--conditions=@dyn/source", "--import", "tsx", "packages/e2e/src/media-worker.ts"],
    env,
    ready: /ready: (yes)/,
  });
  const status = async () => (await post("/v1/images/generations", image)).status;
  await expect.poll(status).toBe(200);
  const client = new OpenAI({ baseURL: `${frontend.ready}/v1`, apiKey: "none", maxRetries: 0 });
  const { data } = await client.images.generate(image);
  expect(Buffer.from(data![0]!.b64_json!, "base64").toString()).toBe("a lighthouse");
  const video = { model: "director", prompt: "waves", seconds: 1 };
  await expect.poll(async () => (await post("/v1/videos", video)).status).toBe(200);
  expect(await (await post("/v1/videos", video)).json()).toMatchObject({
    object: "video",
    model: "director",
    status: "completed",
  });
  const png = Buffer.from("\x89PNG\r\n\x1a\n and more", "latin1");
  const edited = await client.images.edit({ ...image, image: new File([png], "lighthouse.png") });
  expect(edited.data![0]!.revised_prompt).toBe(`image/png, ${png.length} bytes`);
  const made = await client.videos.create({
    model: "director" as "sora-2",
    prompt: "waves",
    seconds: "4",
    input_reference: new File([png], "waves.png"),
  });
  expect(made).toMatchObject({ status: "completed", began_with: `image/png, ${png.length} bytes` });
  // As JSON it is more than a worker takes in one message.
  const large = new File([Buffer.alloc(30 * 1024 * 1024)], "large.png");
  const refused = client.images.edit({ ...image, image: large });
  await expect(refused).rejects.toMatchObject({ status: 413 });
  expect(await status()).toBe(200);
  const frames = await post("/v1/videos/stream", video);
  expect(frames.headers.get("content-type")).toContain("boundary=frame");
  expect(await frames.text()).toContain("image/jpeg\r\ncontent-length: 5\r\n\r\nwaves\r\n");
  const models = await fetch(`${frontend.ready}/studio/models`);
  const { data: listed } = (await models.json()) as { data: { id: string }[] };
  expect(listed.map(({ id }) => id).toSorted()).toEqual(["director", "painter"]);
  expect(await worker.stop("SIGTERM")).toBe(0);
  await expect.poll(status).toBe(404);
});
