// `/engine/*`: what operators and trainers tell an engine. Who may call is decided here, what happens by the route.
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { InvalidArgumentError } from "@dyn/protocol";

/** `off`: nobody. `local`: this machine's processes. `all`: whoever has the key. */
export type EngineRouteAccess = "off" | "local" | "all";

/** The answer is sent as JSON with status 200; what is thrown is a 500 with its text. */
export type EngineRoute = (body: unknown) => Promise<unknown> | unknown;

export interface EngineRoutesOptions {
  readonly access: EngineRouteAccess;
  /** Sent as `Authorization: Bearer`. Needed with `all`; with `local` asked for when there is one. */
  readonly key?: string | undefined;
}

export interface EngineRouteAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Tensors come in bodies; the text of one has to fit into memory several times. */
const maxBodyMb = 256;
const maxBodyBytes = maxBodyMb * 1024 * 1024;
/** Each says that a browser, or a proxy, passes on what somebody else wants. Browsers leave Origin out of plain GETs. */
const passedOnHeaders = ["origin", "sec-fetch-site", "forwarded", "x-forwarded-for"];
const prefix = "/engine/";
const loopback = /^(127\.|::1$|::ffff:127\.)/;

/** Answers for `/engine/*` of the system server: add a route by its path, ask by `answer`. */
export class EngineRoutes {
  readonly #access: EngineRouteAccess;
  readonly #keyHash: Buffer | null;
  readonly #routes = new Map<string, EngineRoute>();

  constructor({ access, key }: EngineRoutesOptions) {
    if (access === "all" && key === undefined) {
      throw new InvalidArgumentError(
        "--engine-routes all lets everybody who reaches the system server change the model: give a key with --engine-routes-key, or take local.",
        { param: "engine-routes" },
      );
    }
    this.#access = access;
    this.#keyHash = key === undefined ? null : hash(key);
  }

  /** `path` stands below /engine/. A later one replaces an earlier one. */
  add(path: string, route: EngineRoute): void {
    this.#routes.set(path, route);
  }

  /** `null`: the path is not one of these. Any method will do; no body is an empty object. */
  async answer(path: string, request: IncomingMessage): Promise<EngineRouteAnswer | null> {
    if (!path.startsWith(prefix)) return null;
    const route = this.#access === "off" ? undefined : this.#routes.get(path.slice(prefix.length));
    const refusal = this.#access === "off" ? null : this.#refuse(request);
    if (refusal !== null) return refusal;
    if (route === undefined) return failure(404, "Route not found", `Route ${path} not found`);
    let body: unknown;
    try {
      const json = await readBody(request);
      body = json === "" ? {} : JSON.parse(json);
    } catch (error) {
      if (error instanceof SyntaxError) return failure(400, "Invalid JSON", error.message);
      if (error instanceof RangeError) return failure(413, "Body too large", error.message);
      throw error;
    }
    try {
      return { status: 200, body: (await route(body)) ?? { status: "ok" } };
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      return failure(500, "Handler error", `${name}: ${message}`);
    }
  }

  #refuse({ socket, headers }: IncomingMessage): EngineRouteAnswer | null {
    if (this.#access === "local") {
      const isLocal = loopback.test(socket.remoteAddress ?? "");
      // A page in a browser, or somebody behind a proxy, comes from here and is not from here.
      const isPassedOn = passedOnHeaders.some((name) => headers[name] !== undefined);
      if (!isLocal || isPassedOn) {
        return failure(
          403,
          "Forbidden",
          "Engine routes answer programs of this machine only; --engine-routes all with a key opens them.",
        );
      }
    }
    if (this.#keyHash === null) return null;
    const given = /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];
    if (given !== undefined && timingSafeEqual(hash(given), this.#keyHash)) return null;
    return failure(401, "Unauthorized", "Send the key of --engine-routes-key as a bearer token.");
  }
}

/** Throws a RangeError for a body that is too long; what of it is still to come is not kept. */
function readBody(request: IncomingMessage): Promise<string> {
  if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) {
    request.resume();
    return Promise.reject(tooLong());
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    request.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes <= maxBodyBytes) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      reject(tooLong());
    });
    request.once("end", () => resolve(Buffer.concat(chunks).toString()));
    request.once("error", reject);
  });
}

function tooLong(): RangeError {
  return new RangeError(
    `A body may have ${maxBodyMb} MiB: send tensors in several calls, over TCP with update_weights_from_distributed, or as files with update_weights_from_disk.`,
  );
}

function hash(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

function failure(status: number, error: string, message: string): EngineRouteAnswer {
  return { status, body: { error, message } };
}
