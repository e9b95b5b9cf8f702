// HTTP to the hub: asks, follows redirects by hand, turns statuses into errors. Writes no file.
// The token goes to the hub's own origin only, never to where a redirect leads.
import { CancelledError } from "@dyn/protocol";
import { z } from "zod";
import type { DownloadListener } from "./download-progress.ts";
import { HubError } from "./hub-error.ts";
import type { HubSettings } from "./hub-settings.ts";
import { parseRetryAfter, type RetryTimers, retry, TransientError } from "./retry-schedule.ts";

const maxRedirects = 5;

export interface RepositoryListing {
  readonly commit: string;
  readonly files: readonly { readonly name: string; readonly sizeBytes: number | null }[];
}

export interface RemoteFile {
  /** Names the blob: sha256 for large files, else git's object id. */
  readonly etag: string;
  readonly sizeBytes: number | null;
}

const Listing = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(
    z.object({ rfilename: z.string(), size: z.number().int().nonnegative().nullish() }),
  ),
});

export interface HubClientOptions {
  readonly timers: RetryTimers;
  readonly listener: DownloadListener;
  readonly signal?: AbortSignal | undefined;
  /** A connection that brings no byte for so long counts as broken. */
  readonly stallTimeoutMs: number;
}

export class HubClient {
  readonly options: HubClientOptions;
  readonly #settings: HubSettings;
  readonly #id: string;
  readonly #revision: string;

  constructor(settings: HubSettings, id: string, revision: string, options: HubClientOptions) {
    this.options = options;
    this.#settings = settings;
    this.#id = id;
    this.#revision = revision;
  }

  async list(): Promise<RepositoryListing> {
    const url = `${this.#settings.endpoint}/api/models/${this.#id}/revision/${encodeURIComponent(this.#revision)}?blobs=true`;
    return await this.retry(this.#id, async () => {
      const response = await this.#request(url, { method: "GET" }, null);
      return this.#parseListing(await this.#readText(response));
    });
  }

  /** What the hub says of one file, without its content. One attempt. */
  async describe(commit: string, file: string): Promise<RemoteFile> {
    const response = await this.#request(this.#fileUrl(commit, file), { method: "HEAD" }, file);
    const etag = readEtag(response.headers.get("x-linked-etag") ?? response.headers.get("etag"));
    if (etag === null) {
      throw new HubError(
        "DYN_HUB_CORRUPT",
        `${this.#id}/${file}: ${this.#settings.endpoint} sends no ETag, so the file cannot be kept in the cache. Is it a hub?`,
      );
    }
    const redirected = response.status >= 300;
    const size =
      response.headers.get("x-linked-size") ??
      (redirected ? null : response.headers.get("content-length"));
    return { etag, sizeBytes: size === null ? null : Number(size) };
  }

  /** Opens the content from byte `from` on. One attempt. `ifRange`: an ETag of the last response. */
  async open(
    commit: string,
    file: string,
    from: number,
    ifRange: string | null,
    signal: AbortSignal,
  ): Promise<Response> {
    const headers: Record<string, string> = {};
    if (from > 0) headers.range = `bytes=${from}-`;
    if (from > 0 && ifRange !== null) headers["if-range"] = ifRange;
    const url = this.#fileUrl(commit, file);
    return await this.#request(url, { method: "GET", headers, signal }, file);
  }

  /** The etag of a response that the hub itself gave, not the storage behind it; else `null`. */
  ownEtag(response: Response): string | null {
    if (new URL(response.url).origin !== new URL(this.#settings.endpoint).origin) return null;
    return readEtag(response.headers.get("x-linked-etag") ?? response.headers.get("etag"));
  }

  async retry<T>(what: string, attempt: (progressed: () => void) => Promise<T>): Promise<T> {
    const { timers, signal, listener } = this.options;
    return await retry(what, timers, attempt, {
      signal,
      onRetry: (reason, delayMs) => listener({ type: "retry", what, reason, delayMs }),
    });
  }

  #fileUrl(commit: string, file: string): string {
    const path = file.split("/").map(encodeURIComponent).join("/");
    return `${this.#settings.endpoint}/${this.#id}/resolve/${commit}/${path}`;
  }

  async #request(
    url: string,
    init: { method: string; headers?: Record<string, string>; signal?: AbortSignal },
    file: string | null,
  ): Promise<Response> {
    const home = new URL(this.#settings.endpoint).origin;
    let target = new URL(url);
    for (let hop = 0; ; hop++) {
      const response = await this.#fetch(target, home, init);
      const location = response.headers.get("location");
      if (response.status < 300 || response.status >= 400 || location === null) {
        if (response.ok) return response;
        if (target.origin !== home && response.status !== 416) {
          // Links to storage expire: the next try asks the hub for a new one.
          await response.body?.cancel();
          throw new TransientError(`the storage at ${target.host} answered ${response.status}`);
        }
        return await this.#refuse(response, file);
      }
      const next = new URL(location, target);
      // A HEAD stays with the hub: its headers, not the storage's, describe the file.
      if (init.method === "HEAD" && next.origin !== home) return response;
      await response.body?.cancel();
      if (hop >= maxRedirects) {
        throw new TransientError(`more than ${maxRedirects} redirects, the last to ${next.host}`);
      }
      target = next;
    }
  }

  async #fetch(
    target: URL,
    home: string,
    init: { method: string; headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<Response> {
    const headers: Record<string, string> = {
      "user-agent": "dyn-model-files",
      "accept-encoding": "identity",
      ...init.headers,
    };
    const { token } = this.#settings;
    if (token !== null && target.origin === home) headers.authorization = `Bearer ${token}`;
    const stall = AbortSignal.timeout(this.options.stallTimeoutMs);
    const signals = [init.signal ?? stall, this.options.signal].filter((one) => one !== undefined);
    try {
      return await fetch(target, {
        method: init.method,
        headers,
        redirect: "manual",
        signal: AbortSignal.any(signals),
      });
    } catch (error) {
      if (this.options.signal?.aborted) {
        throw new CancelledError("The download was cancelled.", error);
      }
      throw new TransientError(`cannot reach ${target.host} (${connectionReason(error)})`, {
        cause: error,
      });
    }
  }

  async #readText(response: Response): Promise<string> {
    try {
      return await response.text();
    } catch (error) {
      throw new TransientError(`the connection broke (${connectionReason(error)})`, {
        cause: error,
      });
    }
  }

  #parseListing(text: string): RepositoryListing {
    let listing: z.infer<typeof Listing>;
    try {
      listing = Listing.parse(JSON.parse(text));
    } catch (error) {
      throw new HubError(
        "DYN_HUB_CORRUPT",
        `${this.#id}: ${this.#settings.endpoint} answered with something that is not a model listing. Check HF_ENDPOINT and proxies.`,
        error,
      );
    }
    const files = listing.siblings.map(({ rfilename, size }) => ({
      name: rfilename,
      sizeBytes: size ?? null,
    }));
    return { commit: listing.sha, files };
  }

  async #refuse(response: Response, file: string | null): Promise<never> {
    const { status, headers } = response;
    await response.body?.cancel();
    const { endpoint, token, tokenSource } = this.#settings;
    const reason = headers.get("x-error-code");
    const what = file === null ? this.#id : `${this.#id}/${file}`;
    if (status === 408 || status === 429 || status >= 500) {
      throw new TransientError(
        status === 429 ? "the hub limits our rate (429)" : `the hub failed (${status})`,
        { retryAfterMs: parseRetryAfter(headers.get("retry-after"), this.options.timers.nowMs()) },
      );
    }
    if (reason === "GatedRepo" || (status === 403 && token === null)) {
      throw new HubError(
        "DYN_HUB_GATED",
        `${what}: access to this model is granted by its owners (${status}). Accept its terms at ${endpoint}/${this.#id}, then set HF_TOKEN to a token of that account${token === null ? "" : `; the one from ${tokenSource} has no access`}.`,
      );
    }
    if (status === 401 || status === 403) {
      throw new HubError(
        "DYN_HUB_UNAUTHORIZED",
        token === null
          ? `${what}: the hub refuses (${status}): there is no such model, or it is private. Check the spelling; for a private model set HF_TOKEN.`
          : `${what}: the hub refuses the token from ${tokenSource} (${status}). Check that it is valid and may read this model.`,
      );
    }
    if (status === 416) throw new RangeRefusedError();
    if (status === 404) {
      throw new HubError(
        "DYN_HUB_NOT_FOUND",
        reason === "RevisionNotFound"
          ? `${this.#id} has no revision "${this.#revision}" (404).`
          : file === null
            ? `${endpoint} has no model "${this.#id}" with revision "${this.#revision}" (404). Check the spelling.`
            : `${this.#id} has no file ${file} (404).`,
      );
    }
    throw new HubError("DYN_HUB_UNAVAILABLE", `${what}: the hub answered with status ${status}.`);
  }
}

/** 416: the server has no such bytes, so what we hold is not a beginning of the file. */
export class RangeRefusedError extends Error {}

/** Without quotes and weak mark; `null` unless it can name a file. */
function readEtag(value: string | null): string | null {
  const etag = value?.trim().replace(/^W\//, "").replaceAll('"', "") ?? "";
  return /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(etag) ? etag : null;
}

export function connectionReason(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string") return at.code;
    if (at.name === "TimeoutError") return "no answer in time";
    if (at.cause === undefined) return at.message;
  }
  return String(error);
}
