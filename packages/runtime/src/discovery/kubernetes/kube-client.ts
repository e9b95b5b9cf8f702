// The few calls to the Kubernetes API that discovery needs: token and authority from a pod's mounted account,
// JSON in and out, watches as lines. The token is read again before it ends, and when it is refused.
import { readFile } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { join } from "node:path";
import { UnavailableError } from "@dyn/protocol";
import { parseJson } from "../../codec/json-codec.ts";
import { KubeError } from "./kube-error.ts";

export interface KubeClientOptions {
  /** `https://host:port`. */
  readonly url: string;
  /** With `token` and `ca.crt`. Default: where Kubernetes mounts a pod's service account. */
  readonly accountFolder?: string;
  /** How old a token may be before its file is read again. Default 60 000 ms. */
  readonly tokenAgeMs?: number;
  /** Bound of every call but a watch. Default 10 000 ms. */
  readonly callTimeoutMs?: number;
}

export interface KubeCall {
  readonly method: "GET" | "PATCH" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
}

/** A watch that is longer silent than the server lets it live hangs on a dead connection. */
const silentWatchMs = 330_000;
const maxErrorBytes = 64 * 1024;

export class KubeClient {
  readonly #url: URL;
  readonly #folder: string;
  readonly #tokenAgeMs: number;
  readonly #callTimeoutMs: number;
  readonly #agent: Agent | null;
  #token: { readonly text: string; readonly readAtMs: number } | null = null;

  private constructor(options: KubeClientOptions, folder: string, agent: Agent | null) {
    this.#url = new URL(options.url);
    this.#folder = folder;
    this.#tokenAgeMs = options.tokenAgeMs ?? 60_000;
    this.#callTimeoutMs = options.callTimeoutMs ?? 10_000;
    this.#agent = agent;
  }

  static async create(options: KubeClientOptions): Promise<KubeClient> {
    const folder = options.accountFolder ?? "/var/run/secrets/kubernetes.io/serviceaccount";
    if (!options.url.startsWith("https:")) return new KubeClient(options, folder, null);
    try {
      const ca = await readFile(join(folder, "ca.crt"));
      return new KubeClient(options, folder, new Agent({ ca, keepAlive: true }));
    } catch (cause) {
      throw new UnavailableError(
        `The authority of the Kubernetes API cannot be read from ${folder}. Mount the pod's service account (automountServiceAccountToken).`,
        { code: "DYN_DISCOVERY_UNREACHABLE", cause },
      );
    }
  }

  /** The answer's JSON; integers beyond 2^53 are bigints. Throws KubeError or UnavailableError. */
  async call(call: KubeCall): Promise<unknown> {
    const signal = AbortSignal.timeout(this.#callTimeoutMs);
    const response = await this.#send(call, signal);
    return parse(await readText(response, this.#unreachable));
  }

  /** One JSON value per line, until the server ends it, it breaks (throws) or `signal` ends it. */
  async *watch(path: string, signal: AbortSignal): AsyncGenerator<unknown> {
    const response = await this.#send({ method: "GET", path }, signal);
    response.setEncoding("utf8");
    response.setTimeout(silentWatchMs, () => response.destroy());
    let rest = "";
    for await (const chunk of response) {
      rest += chunk as string;
      for (let at = rest.indexOf("\n"); at >= 0; at = rest.indexOf("\n")) {
        const line = rest.slice(0, at);
        rest = rest.slice(at + 1);
        if (line.trim() !== "") yield parse(line);
      }
    }
  }

  close(): void {
    this.#agent?.destroy();
  }

  /** The answer once its status is good; a refused token is read anew and tried once more. */
  async #send(call: KubeCall, signal: AbortSignal): Promise<IncomingMessage> {
    let response = await this.#attempt(call, signal);
    if (response.statusCode === 401) {
      response.resume();
      this.#token = null;
      response = await this.#attempt(call, signal);
    }
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return response;
    const text = await readText(response, this.#unreachable, maxErrorBytes);
    throw KubeError.fromAnswer(call.path, statusCode, text);
  }

  async #attempt(call: KubeCall, signal: AbortSignal): Promise<IncomingMessage> {
    const token = await this.#readToken();
    const headers: Record<string, string> = {
      accept: "application/json",
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(call.contentType === undefined ? {} : { "content-type": call.contentType }),
    };
    const url = new URL(call.path, this.#url);
    const options = { method: call.method, headers, signal };
    return new Promise((resolve, reject) => {
      const sent =
        this.#agent === null
          ? httpRequest(url, options, resolve)
          : httpsRequest(url, { ...options, agent: this.#agent }, resolve);
      sent.on("error", (error) => reject(this.#unreachable(error)));
      sent.end(call.body);
    });
  }

  /** `null` where an account has no token. */
  async #readToken(): Promise<string | null> {
    const now = Date.now();
    if (this.#token !== null && now - this.#token.readAtMs < this.#tokenAgeMs) {
      return this.#token.text;
    }
    try {
      const text = (await readFile(join(this.#folder, "token"), "utf8")).trim();
      this.#token = { text, readAtMs: now };
      return text;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
      throw error;
    }
  }

  readonly #unreachable = (cause: unknown) =>
    new UnavailableError(
      `The Kubernetes API at ${this.#url.origin} does not answer: ${cause instanceof Error ? cause.message : String(cause)}`,
      { code: "DYN_DISCOVERY_UNREACHABLE", cause },
    );
}

async function readText(
  response: IncomingMessage,
  onError: (cause: unknown) => Error,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > maxBytes) break;
    }
  } catch (error) {
    throw onError(error);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new UnavailableError("The Kubernetes API answered with what is not JSON.", {
      code: "DYN_DISCOVERY_UNREACHABLE",
      cause,
    });
  }
}
