// Programs of ours that meet in a folder of their own: frontends and workers with the mock engine and the bundled model.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type StartedProgram, startProgram } from "./start-program.ts";

export const tinyModel = "packages/tiny-models/models/dyn-tiny-chat";

type Environment = Readonly<Record<string, string>>;

export class Deployment {
  readonly folder = mkdtempSync(join(tmpdir(), "dyn-e2e-"));
  readonly #env: Environment;
  readonly #open: StartedProgram[] = [];

  constructor(env: Environment = {}) {
    this.#env = env;
  }

  /** Its model is `tiny`, unless `args` name another; `systemUrl` is `null` without a DYN_SYSTEM_PORT. */
  async startWorker(
    args: readonly string[] = [],
    env: Environment = {},
  ): Promise<StartedProgram & { readonly systemUrl: string | null }> {
    const model = ["--model-path", tinyModel, "--served-model-name", "tiny", "--engine", "mock"];
    const worker = await this.#start(
      "worker",
      [...model, ...args],
      env,
      /"model":"([^"]+)","architecture"/,
    );
    return { ...worker, systemUrl: systemUrlOf(worker) };
  }

  /** An embedding or rerank worker; `args` say of which model. */
  async startVectorWorker(
    args: readonly string[],
    env: Environment = {},
  ): Promise<StartedProgram & { readonly systemUrl: string | null }> {
    const worker = await this.#start("worker", args, env, /"model":"([^"]+)","architecture"/);
    return { ...worker, systemUrl: systemUrlOf(worker) };
  }

  /** `ready` is its URL. */
  startFrontend(args: readonly string[] = [], env: Environment = {}): Promise<StartedProgram> {
    return this.#start("frontend", args, env, /"url":"(http:[^"]+)"/);
  }

  /** dyn-router or dyn-indexer. */
  async startService(
    app: "router" | "indexer",
    args: readonly string[],
    env: Environment = {},
  ): Promise<StartedProgram & { readonly systemUrl: string | null }> {
    const service = await this.#start(app, args, env, /"(?:routesTo|url)":"([^"]+)"/);
    const systemUrl = /"system":"(http:[^"]+)"/.exec(service.output())?.[1] ?? null;
    return { ...service, systemUrl };
  }

  /** Kills what still runs. */
  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((program) => program.stop("SIGKILL")));
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #start(app: string, args: readonly string[], env: Environment, ready: RegExp) {
    const program = await startProgram({
      app,
      args,
      env: {
        DYN_DISCOVERY_BACKEND: "file",
        DYN_FILE_KV: this.folder,
        DYN_HTTP_HOST: "127.0.0.1",
        DYN_HTTP_PORT: "0",
        DYN_SYSTEM_HOST: "127.0.0.1",
        ...this.#env,
        ...env,
      },
      ready,
    });
    this.#open.push(program);
    return program;
  }
}

function systemUrlOf(worker: StartedProgram): string | null {
  return /system server \{"url":"(http:[^"]+)"/.exec(worker.output())?.[1] ?? null;
}

/** A worker that could not be read is tried again after up to a minute. */
const patienceMs = 90_000;

/** Resolves when the frontend lists the models, in any order. */
export async function untilListed(url: string, ...models: string[]): Promise<void> {
  const wanted = models.toSorted().join();
  for (const end = Date.now() + patienceMs; ; ) {
    const answer = await fetch(`${url}/v1/models`);
    const { data } = (await answer.json()) as { data: { id: string }[] };
    const listed = data.map(({ id }) => id).toSorted();
    if (listed.join() === wanted) return;
    if (Date.now() > end) throw new Error(`${url} lists [${listed}] and not [${wanted}].`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Resolves when the frontend knows so many workers, and `tiny` can be asked: one that is listed may have others behind it. */
export async function untilRouted(url: string, workerCount: number): Promise<void> {
  await untilListed(url, "tiny");
  for (const end = Date.now() + patienceMs; ; ) {
    const answer = await fetch(`${url}/health`);
    const { instances } = (await answer.json()) as { instances: { endpoint: string }[] };
    const count = instances.filter(({ endpoint }) => endpoint === "generate").length;
    if (count === workerCount) return;
    if (Date.now() > end) throw new Error(`${url} knows ${count} workers and not ${workerCount}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Asks `tiny` for so many tokens, greedily. */
export function postCompletion(
  url: string,
  prompt: string,
  maxTokens: number,
  options: { readonly signal?: AbortSignal } = {},
  fields: object = {},
): Promise<Response> {
  return fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    ...options,
    body: JSON.stringify({
      model: "tiny",
      prompt,
      max_tokens: maxTokens,
      temperature: 0,
      ignore_eos: true,
      ...fields,
    }),
  });
}

/** A completion of `tiny` with a fixed number of tokens: the mock's depend on prompt and place alone. */
export async function complete(
  url: string,
  prompt: string,
  maxTokens: number,
  options: { readonly signal?: AbortSignal } = {},
) {
  const response = await postCompletion(url, prompt, maxTokens, options);
  const body = (await response.json()) as {
    choices?: { text: string; finish_reason: string }[];
    usage?: { completion_tokens: number };
    error?: { message: string; type: string };
  };
  return {
    status: response.status,
    retryAfter: response.headers.get("retry-after"),
    text: body.choices?.[0]?.text ?? null,
    tokenCount: body.usage?.completion_tokens ?? 0,
    error: body.error,
  };
}

/** The same as a stream, once the engine has begun with it: `answer` is what all of it says. */
export async function begin(
  url: string,
  prompt: string,
  maxTokens: number,
  options: { readonly signal?: AbortSignal } = {},
): Promise<{ readonly answer: Promise<{ text: string; tokenCount: number }> }> {
  const stream = { stream: true, stream_options: { include_usage: true } };
  const response = await postCompletion(url, prompt, maxTokens, options, stream);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let events = (await reader.read()).value ?? "";
  const rest = async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      events += next.value;
    }
    return readStream(events);
  };
  const answer = rest();
  // Who asked may look at it later, or not at all.
  answer.catch(() => {});
  return { answer };
}

/** Throws when the stream is not whole. */
function readStream(events: string): { text: string; tokenCount: number } {
  if (!events.trimEnd().endsWith("data: [DONE]")) {
    throw new Error(`A stream ended with ${events.slice(-300)}`);
  }
  const chunks = [...events.matchAll(/^data: (\{.*\})$/gm)].map(
    ([, json]) =>
      JSON.parse(json!) as {
        choices: readonly { text: string }[];
        usage?: { completion_tokens: number } | null;
      },
  );
  return {
    text: chunks.flatMap(({ choices }) => choices.map(({ text }) => text)).join(""),
    tokenCount: chunks.find(({ usage }) => usage != null)?.usage?.completion_tokens ?? 0,
  };
}
