// /v1/images and /v1/videos over workers that answer the contract of Dynamo 1.6.1.
import { InvalidArgumentError, UnavailableError } from "@dyn/protocol";
import type { DistributedRuntime } from "@dyn/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, startDeployment, until } from "./support/deployment.ts";
import { type MediaAnswer, startMediaWorker } from "./support/media-worker.ts";
import { postJson } from "./support/post-json.ts";

const pixel = Buffer.from("not a picture, but bytes").toString("base64");
let deployment: Deployment;
/** What a worker was asked last. */
let asked: Record<string, unknown>;
let answerOf: MediaAnswer;
let killed = 0;
const workers: DistributedRuntime[] = [];

const answer: MediaAnswer = async function* (body, context) {
  asked = body;
  yield* answerOf(body, context);
};
const once = (item: unknown): MediaAnswer =>
  async function* () {
    yield item;
  };
const images = { created: 7, data: [{ url: "file:///a.png", b64_json: null }] };
const video = {
  id: "video-1",
  object: "video",
  model: "of-videos",
  status: "completed",
  progress: 100,
  created: 7,
  data: [{ output_format: "mp4", url: "file:///a.mp4" }],
  inference_time_s: 1.5,
};

beforeAll(async () => {
  deployment = await startDeployment();
});
afterAll(async () => {
  for (const worker of workers) await worker.close();
  await deployment.close();
});

const post = (path: string, body: object) => postJson(deployment.url + path, body);

describe("before a model of their type is served", () => {
  it.each([
    ["/v1/images/generations", "images"],
    ["/v1/images/edits", "images"],
    ["/v1/videos", "videos"],
    ["/v1/videos/stream", "videos"],
  ])("%s is off", async (path, type) => {
    const { status, error } = await post(path, { model: "of-videos", prompt: "a" });
    expect(status).toBe(404);
    expect(error).toMatchObject({ code: "route_off" });
    expect(error.message).toContain(`no model of ${type} is served`);
  });

  it("and on when one comes, off again when it leaves", async () => {
    const worker = await startMediaWorker(deployment.hub, "passing", ["images"], once(images));
    const ask = () => post("/v1/images/generations", { model: "passing", prompt: "a" });
    await until(async () => (await ask()).status === 200, "an image");
    await worker.close();
    await until(async () => (await ask()).status === 404, "the route is off");
  });
});

describe("with workers", () => {
  beforeAll(async () => {
    const { hub, gateway } = deployment;
    workers.push(await startMediaWorker(hub, "of-images", ["images", "chat"], answer));
    workers.push(await startMediaWorker(hub, "of-videos", ["videos"], answer));
    for (const name of ["of-images", "of-videos"]) {
      await gateway.waitForModel(name, { signal: AbortSignal.timeout(30_000) });
    }
  });

  it("OpenAI's client makes images; the worker gets the body as it is", async () => {
    answerOf = once(images);
    const list = await deployment.client.images.generate({
      model: "of-images",
      prompt: "a lighthouse",
      size: "512x512",
      n: 1,
    });
    expect(asked).toEqual({ model: "of-images", prompt: "a lighthouse", size: "512x512", n: 1 });
    expect(list).toEqual({
      created: 7,
      data: [{ url: "file:///a.png", revised_prompt: null }],
      background: null,
      output_format: null,
      size: null,
      quality: null,
      usage: null,
    });
  });

  it("fields that the contract does not know travel apart", async () => {
    answerOf = once(images);
    const nvext = { seed: 0, num_inference_steps: 4 };
    await post("/v1/images/generations", { model: "of-images", prompt: "a", nvext, style: "x" });
    expect(asked).toEqual({
      model: "of-images",
      prompt: "a",
      nvext,
      extra_args: { media_passthrough: { style: "x" } },
    });
  });

  it.each([
    ["/v1/images/generations", { prompt: "" }, "prompt"],
    ["/v1/images/generations", { size: "big" }, "size"],
    ["/v1/images/generations", { n: 0 }, "n"],
    ["/v1/images/generations", { input_reference: " " }, "input_reference"],
    ["/v1/images/generations", { response_format: "png" }, "response_format"],
    ["/v1/images/generations", { stream: true }, "stream"],
    ["/v1/images/generations", { nvext: { seed: -1 } }, "nvext.seed"],
    ["/v1/images/edits", {}, "input_reference"],
    ["/v1/videos", { seconds: 0 }, "seconds"],
    ["/v1/videos", { size: "0x0" }, "size"],
    ["/v1/videos", { output_format: "avi" }, "output_format"],
    ["/v1/videos", { nvext: { fps: 0 } }, "nvext.fps"],
  ])("%s refuses %j", async (path, fields, param) => {
    const model = path.includes("images") ? "of-images" : "of-videos";
    const { status, error } = await post(path, { model, prompt: "a", ...fields });
    expect([status, error.param]).toEqual([400, param]);
  });

  it("an unknown model is a 404 that names those of the type", async () => {
    const { status, error } = await post("/v1/videos", { model: "none", prompt: "a" });
    expect(status).toBe(404);
    expect(error.message).toContain("of-videos");
  });

  it("a chat with a model of images reaches its worker, which may refuse it", async () => {
    answerOf = () => {
      throw new InvalidArgumentError("prompt is missing.", { param: "prompt" });
    };
    const messages = [{ role: "user", content: "hi" }];
    const { status, error } = await post("/v1/chat/completions", { model: "of-images", messages });
    expect([status, error.message]).toEqual([400, "prompt is missing."]);
  });

  it("answers with the video when it is made", async () => {
    answerOf = once(video);
    const request = { model: "of-videos", prompt: "waves", seconds: 2, size: "256x256" };
    const { status, body } = await post("/v1/videos", request);
    expect([status, body]).toEqual([200, video]);
    expect(asked).toEqual(request);
  });

  it.each([
    [
      "that its worker refuses",
      () => {
        throw new InvalidArgumentError("size is too large.");
      },
      400,
      "size is too large.",
    ],
    [
      "whose worker goes away",
      () => {
        throw new UnavailableError("Gone.", { code: "DYN_ENGINE_CLOSED" });
      },
      503,
      "Gone.",
    ],
    [
      "that failed",
      once({ ...video, status: "failed", progress: 0, data: [], error: "out of memory" }),
      500,
      "out of memory",
    ],
    ["without an answer", async function* () {}, 503, "broke off"],
  ] as [string, MediaAnswer, number, string][])(
    "a video %s has the status of the error and the shape of a failed video",
    async (_, failing, status, message) => {
      answerOf = failing;
      const answer = await post("/v1/videos", { model: "of-videos", prompt: "a" });
      expect(answer.status).toBe(status);
      expect(answer.body).toMatchObject({
        object: "video",
        model: "of-videos",
        status: "failed",
        progress: 0,
        data: [],
        error: expect.stringContaining(message),
      });
    },
  );

  it("a stream of frames is multipart, each part a picture", async () => {
    answerOf = async function* () {
      for (let i = 0; i < 3; i++) yield { ...video, data: [{ b64_json: pixel }] };
    };
    const response = await fetch(`${deployment.url}/v1/videos/stream`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "of-videos", prompt: "a" }),
    });
    expect(response.headers.get("content-type")).toBe("multipart/x-mixed-replace; boundary=frame");
    const text = await response.text();
    const part = `--frame\r\ncontent-type: image/jpeg\r\ncontent-length: 24\r\n\r\nnot a picture, but bytes\r\n`;
    expect(text).toBe(`${part.repeat(3)}--frame--\r\n`);
  });

  it("an error before the first frame is the status; a client that leaves ends the work", async () => {
    answerOf = once({ ...video, status: "failed", data: [], error: "no" });
    expect(await post("/v1/videos/stream", { model: "of-videos", prompt: "a" })).toMatchObject({
      status: 500,
      body: { status: "failed", error: "no" },
    });
    answerOf = async function* (_body, context) {
      context.signal.addEventListener("abort", () => killed++, { once: true });
      for (;;) {
        yield { ...video, data: [{ b64_json: pixel }] };
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    };
    const leave = new AbortController();
    const response = await fetch(`${deployment.url}/v1/videos/stream`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "of-videos", prompt: "a" }),
      signal: leave.signal,
    });
    await response.body!.getReader().read();
    leave.abort();
    await until(() => killed === 1, "the worker hears of it");
  });
});
