// Bodies as multipart/form-data: what OpenAI's client sends, what workers get of it, and what is refused.
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readForm } from "../src/form/read-form.ts";
import { type Deployment, startDeployment } from "./support/deployment.ts";
import { startMediaWorker } from "./support/media-worker.ts";

const limits = { bodySizeBytes: 256 * 1024, formPartCount: 8, formFieldSizeBytes: 4096 };
const png = Buffer.from("\x89PNG\r\n\x1a\n and then what a picture has", "latin1");
const dataUrl = (type: string, bytes: Buffer) => `data:${type};base64,${bytes.toString("base64")}`;

let deployment: Deployment;
let workers: { close(): Promise<void> }[];
/** What a worker was asked last. */
let asked: Record<string, unknown>;

beforeAll(async () => {
  deployment = await startDeployment({ limits });
  const { hub, gateway } = deployment;
  workers = [
    await startMediaWorker(hub, "painter", ["images"], async function* (body) {
      asked = body;
      yield { created: 7, data: [{ b64_json: "eA==" }] };
    }),
    await startMediaWorker(hub, "director", ["videos"], async function* (body) {
      asked = body;
      yield {
        id: "video-1",
        object: "video",
        model: "director",
        status: "completed",
        progress: 100,
        created: 7,
        data: [{ output_format: "mp4", b64_json: "eA==" }],
      };
    }),
  ];
  for (const name of ["painter", "director"]) {
    await gateway.waitForModel(name, { signal: AbortSignal.timeout(30_000) });
  }
});
afterAll(async () => {
  for (const worker of workers) await worker.close();
  await deployment.close();
});

const file = (bytes: Buffer | string, type = "", name = "picture") =>
  new File([bytes], name, { type });

async function send(path: string, body: FormData | Buffer | string, type?: string) {
  const response = await fetch(deployment.url + path, {
    method: "POST",
    ...(type === undefined ? {} : { headers: { "content-type": type } }),
    body,
  });
  const json = (await response.json()) as { error?: Record<string, string> };
  return { status: response.status, error: json.error };
}

/** An edit with these fields; a value that is a list is sent in parts of one name. */
function edit(fields: Readonly<Record<string, string | File | readonly (string | File)[]>>) {
  const form = new FormData();
  const whole = { model: "painter", prompt: "a lighthouse", image: file(png), ...fields };
  for (const [name, value] of Object.entries(whole)) {
    for (const one of Array.isArray(value) ? value : [value]) form.append(name, one);
  }
  return send("/v1/images/edits", form);
}

describe("OpenAI's client", () => {
  it("edits a picture: the worker gets the file as input_reference, numbers as numbers", async () => {
    const list = await deployment.client.images.edit({
      model: "painter",
      prompt: "a lighthouse",
      image: file(png, "image/png"),
      mask: file("mask", "image/webp"),
      n: 2,
      size: "512x512",
      quality: "high",
      response_format: "b64_json",
    });
    expect(list.data![0]!.b64_json).toBe("eA==");
    expect(asked).toEqual({
      model: "painter",
      prompt: "a lighthouse",
      n: 2,
      size: "512x512",
      quality: "high",
      response_format: "b64_json",
      input_reference: dataUrl("image/png", png),
      extra_args: {
        media_passthrough: { mask: dataUrl("image/webp", Buffer.from("mask")) },
      },
    });
  });

  it("may send the picture as a list of one", async () => {
    await deployment.client.images.edit({
      model: "painter",
      prompt: "a",
      image: [file("jpeg", "image/jpeg")],
    });
    expect(asked.input_reference).toBe(dataUrl("image/jpeg", Buffer.from("jpeg")));
  });

  it("makes a video from words, and from a picture", async () => {
    const made = await deployment.client.videos.create({
      model: "director" as "sora-2",
      prompt: "waves",
      seconds: "4",
      size: "1280x720",
    });
    expect(made).toMatchObject({ object: "video", status: "completed" });
    expect(asked).toEqual({ model: "director", prompt: "waves", seconds: 4, size: "1280x720" });
    await deployment.client.videos.create({
      model: "director" as "sora-2",
      prompt: "waves",
      input_reference: file(png),
    });
    expect(asked.input_reference).toBe(dataUrl("image/png", png));
  });

  it("may name the picture by its address", async () => {
    await deployment.client.videos.create({
      model: "director" as "sora-2",
      prompt: "waves",
      input_reference: { image_url: "https://example.org/a.png" },
    });
    expect(asked.input_reference).toBe("https://example.org/a.png");
    const stored = deployment.client.videos.create({
      model: "director" as "sora-2",
      prompt: "waves",
      input_reference: { file_id: "file-1" },
    });
    await expect(stored).rejects.toMatchObject({ status: 400, param: "input_reference.file_id" });
  });
});

it("JSON says the same, in OpenAI's words and in the reference's", async () => {
  const image = dataUrl("image/png", png);
  for (const fields of [
    { image },
    { input_reference: image },
    { input_reference: { image_url: image } },
  ]) {
    const body = JSON.stringify({ model: "painter", prompt: "a", ...fields });
    expect((await send("/v1/images/edits", body, "application/json")).status).toBe(200);
    expect(asked).toEqual({ model: "painter", prompt: "a", input_reference: image });
  }
});

it("objects come as JSON, or in parts with brackets", async () => {
  const nvext = { seed: 3, negative_prompt: "7", annotations: ["a", "b"] };
  await edit({ nvext: JSON.stringify(nvext) });
  expect(asked.nvext).toEqual(nvext);
  await edit({
    "nvext[seed]": "3",
    "nvext[negative_prompt]": "7",
    "nvext[annotations][]": ["a", "b"],
  });
  expect(asked.nvext).toEqual(nvext);
});

describe("refuses, naming the field", () => {
  it.each([
    ["a number that is none", { n: "many" }, "n"],
    ["a number that JSON does not know", { n: "0x1" }, "n"],
    ["a field twice", { prompt: ["a", "b"] }, "prompt"],
    ["two pictures", { image: [file(png), file(png)] }, "image"],
    ["an empty file", { image: file("") }, "image"],
    ["a picture as text without anything in it", { image: " " }, "input_reference"],
    ["a field that is too long", { prompt: "x".repeat(5000) }, "prompt"],
    ["a name that is too long", { ["x".repeat(101)]: "1" }, "x".repeat(101)],
    ["an object that is no JSON", { nvext: "{" }, "nvext"],
    ["a list where an object stands", { nvext: "[]" }, "nvext"],
    ["a name with a bracket open", { "nvext[seed": "1" }, "nvext[seed"],
    ["a name that is too deep", { "a[b][c][d][e]": "1" }, "a[b][c][d][e]"],
    ["a list inside of a name", { "a[][b]": "1" }, "a[][b]"],
    ["a field beside its own parts", { user: "me", "user[a]": "1" }, "user[a]"],
    ["what the schema forbids inside", { "nvext[seed]": "-1" }, "nvext.seed"],
    ["a stream", { stream: "true" }, "stream"],
  ] as [string, Parameters<typeof edit>[0], string][])("%s", async (_, fields, param) => {
    const { status, error } = await edit(fields);
    expect([status, error?.param]).toEqual([400, param]);
    expect(error!.message).toContain(param.slice(0, 50));
  });

  it("too many parts", async () => {
    const { status, error } = await edit({ "tags[]": Array.from({ length: 9 }, String) });
    expect([status, error!.code]).toEqual([400, "invalid_form"]);
    expect(error!.message).toContain("more than 8 parts");
  });

  it("a field that is no UTF-8", async () => {
    const head = '--b\r\ncontent-disposition: form-data; name="prompt"\r\n\r\n';
    const body = Buffer.concat([Buffer.from(head), Buffer.from([0xff]), Buffer.from("\r\n--b--")]);
    const type = "multipart/form-data; boundary=b";
    const { status, error } = await send("/v1/images/edits", body, type);
    expect([status, error!.param]).toEqual([400, "prompt"]);
  });

  it("a body over the limit with 413, as for JSON", async () => {
    expect((await edit({ image: file(Buffer.alloc(limits.bodySizeBytes)) })).status).toBe(413);
  });

  it("a form where the route takes none with 415", async () => {
    const form = new FormData();
    form.append("model", "painter");
    expect((await send("/v1/images/generations", form)).status).toBe(415);
    expect((await send("/v1/chat/completions", form)).status).toBe(415);
  });
});

describe("a form that is none", () => {
  const part = (name: string, value: string) =>
    `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const type = "multipart/form-data; boundary=b";
  it.each([
    ["is empty", "", type],
    ["has no boundary", part("a", "b"), "multipart/form-data"],
    ["has other boundaries", "--c\r\n\r\n\r\n--c--\r\n", type],
    ["breaks off in a part", part("a", "b"), type],
    ["breaks off in a header", `${part("a", "b")}--b\r\ncontent-dispo`, type],
    ["breaks off behind a header", `${part("a", "b")}--b\r\ncontent-disposition: x\r\n\r\n`, type],
    ["has a part without a name", `${part("", "b")}--b--\r\n`, type],
    ["has no parts", "--b--\r\n", type],
  ])("%s: 400", async (_, body, contentType) => {
    const { status, error } = await send("/v1/images/edits", body, contentType);
    expect([status, error!.code]).toEqual([400, "invalid_form"]);
  });

  it("whatever its bytes are, is answered, and never with a fault of ours", async () => {
    const whole = `${part("model", "painter")}${part("prompt", "x")}--b\r\ncontent-disposition: form-data; name="image"; filename="a"\r\ncontent-type: image/png\r\n\r\nabc\r\n--b--\r\n`;
    expect((await send("/v1/images/edits", whole, type)).status).toBe(200);
    const mutation = fc.record({
      at: fc.nat(whole.length),
      cut: fc.nat(60),
      put: fc.oneof(
        fc.constantFrom("--b", "--b--", "\r\n", "\r\n--b\r\n", "\r\n\r\n", '"', ";", "[", "]"),
        fc.string({ maxLength: 8 }),
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
        let body = whole;
        for (const { at, cut, put } of mutations) {
          body = body.slice(0, at) + put + body.slice(at + cut);
        }
        const { status } = await send("/v1/images/edits", body, type);
        expect([200, 400, 404]).toContain(status);
      }),
      { numRuns: 300 },
    );
  });
});

it("a form waits for its turn on the thread, as JSON does, once it is here whole and sound", async () => {
  const formOf = (text: string) => {
    const stream = new PassThrough();
    stream.end(text);
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    return Object.assign(stream, { headers }) as unknown as IncomingMessage;
  };
  const sound = '--x\r\nContent-Disposition: form-data; name="model"\r\n\r\npainter\r\n--x--\r\n';
  let grant = () => {};
  let asked = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const takeTurn = () => {
    asked();
    return new Promise<void>((resolve) => {
      grant = resolve;
    });
  };
  let parts: unknown = null;
  const reading = readForm({ request: formOf(sound), takeTurn }, limits).then((it) => {
    parts = it;
  });
  await isAsked;
  await new Promise((resolve) => setImmediate(resolve));
  expect(parts).toBeNull();
  grant();
  await reading;
  expect(parts).toMatchObject([{ name: "model", bytes: Buffer.from("painter") }]);
  // What is refused takes nobody's turn.
  const neverAsked = () => {
    throw new Error("a turn was taken");
  };
  const cut = { request: formOf(sound.slice(0, -8)), takeTurn: neverAsked };
  await expect(readForm(cut, limits)).rejects.toMatchObject({ status: 400 });
});
