// A hub on this machine that behaves as badly as a test asks it to. Speaks what huggingface_hub's server speaks:
// the model listing, resolve URLs with HEAD, Range, redirects to a storage of another origin.
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  readonly host: "hub" | "storage";
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
}

/** Answers a request itself and returns true, or leaves it to the hub. `nth` counts from 1 for each path and method. */
export type Misbehaviour = (context: {
  readonly request: SeenRequest;
  readonly nth: number;
  readonly response: ServerResponse;
  readonly hub: FakeHub;
}) => boolean;

export const commit = "0123456789abcdef0123456789abcdef01234567";

export class FakeHub {
  readonly files: Map<string, Buffer>;
  readonly requests: SeenRequest[] = [];
  misbehave: Misbehaviour = () => false;
  /** Files that live in the storage, as large files do. */
  readonly isLarge = (name: string) => name.endsWith(".safetensors");
  readonly #hub: Server;
  readonly #storage: Server;
  readonly #counts = new Map<string, number>();

  constructor(files: Readonly<Record<string, Buffer | string>>) {
    this.files = new Map(Object.entries(files).map(([name, data]) => [name, Buffer.from(data)]));
    this.#hub = createServer((request, response) => this.#answer("hub", request, response));
    this.#storage = createServer((request, response) => this.#answer("storage", request, response));
  }

  async listen(): Promise<void> {
    for (const server of [this.#hub, this.#storage]) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }
  }

  async close(): Promise<void> {
    for (const server of [this.#hub, this.#storage]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  get storageUrl(): string {
    return `http://127.0.0.1:${(this.#storage.address() as AddressInfo).port}`;
  }

  etag(name: string): string {
    const data = this.files.get(name) ?? Buffer.alloc(0);
    return this.isLarge(name)
      ? createHash("sha256").update(data).digest("hex")
      : createHash("sha1").update(`blob ${data.length}\0`).update(data).digest("hex");
  }

  count(method: string, part: string): number {
    return this.requests.filter((r) => r.method === method && r.path.includes(part)).length;
  }

  /** Sends the file from a Range on; `options` say in which way to get it wrong. */
  sendFile(
    response: ServerResponse,
    request: SeenRequest,
    data: Buffer,
    options: {
      readonly headers?: Record<string, string>;
      readonly breakAfterBytes?: number;
      readonly ignoreRange?: boolean;
      readonly contentLength?: number;
    } = {},
  ): void {
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
    const from = range === null || options.ignoreRange === true ? 0 : Number(range[1]);
    if (from >= data.length && from > 0) {
      response.writeHead(416, { "content-range": `bytes */${data.length}` }).end();
      return;
    }
    const body = data.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      "content-length": String(options.contentLength ?? body.length),
      ...(from > 0 ? { "content-range": `bytes ${from}-${data.length - 1}/${data.length}` } : {}),
      ...options.headers,
    });
    if (request.method === "HEAD") {
      response.end();
    } else if (options.breakAfterBytes !== undefined) {
      response.write(body.subarray(0, options.breakAfterBytes), () => response.destroy());
    } else if (options.contentLength !== undefined && options.contentLength !== body.length) {
      // Past node:http's own check of the length.
      response.flushHeaders();
      response.socket?.write(body.subarray(0, options.contentLength), () => response.destroy());
    } else {
      response.end(body);
    }
  }

  #answer(host: "hub" | "storage", message: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent((message.url ?? "").split("?")[0] ?? "");
    const request: SeenRequest = {
      host,
      method: message.method ?? "",
      path,
      headers: message.headers,
    };
    this.requests.push(request);
    const key = `${host} ${request.method} ${path}`;
    const nth = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, nth);
    if (this.misbehave({ request, nth, response, hub: this })) return;
    if (path.startsWith("/api/models/")) this.#sendListing(response);
    else this.#sendContent(host, request, response);
  }

  #sendListing(response: ServerResponse): void {
    const siblings = [...this.files].map(([rfilename, data]) => ({ rfilename, size: data.length }));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ id: "org/name", sha: commit, siblings }));
  }

  #sendContent(host: "hub" | "storage", request: SeenRequest, response: ServerResponse): void {
    const name = /\/resolve\/[^/]+\/(.+)$/.exec(request.path)?.[1] ?? request.path.slice(1);
    const data = this.files.get(name);
    if (data === undefined) {
      response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
    } else if (host === "storage") {
      this.sendFile(response, request, data, { headers: { etag: `"s3-${data.length}"` } });
    } else if (this.isLarge(name)) {
      response.writeHead(302, {
        location: `${this.storageUrl}/${name}`,
        etag: '"of-the-redirect"',
        "x-linked-etag": `"${this.etag(name)}"`,
        "x-linked-size": String(data.length),
        "x-repo-commit": commit,
      });
      response.end();
    } else {
      const headers = { etag: `"${this.etag(name)}"`, "x-repo-commit": commit };
      this.sendFile(response, request, data, { headers });
    }
  }
}
