// Who may ask for what, before a route sees the request. It knows no route's meaning.
import type { IncomingMessage } from "node:http";
import { OverloadedError } from "@dyn/protocol";
import { adminOnly, badApiKey, missingApiKey } from "../errors/gateway-errors.ts";
import { type ApiKeyEntry, hashApiKey } from "./api-key.ts";
import { Tenant } from "./tenant.ts";

/**
 * `open`: for everybody, always (probes and scrapes). `client`: with a key, where keys are set.
 * `admin`: from this machine, or with a key that says so.
 */
export type Access = "open" | "client" | "admin";

export interface DoorOptions {
  /** `null`: no key is needed. */
  readonly keys: readonly ApiKeyEntry[] | null;
  /** Requests of clients that run at one time; more are refused as overload. `null`: no bound. */
  readonly concurrentRequests: number | null;
  readonly nowMs?: () => number;
}

export interface Admission {
  /** `null` where no keys are set. */
  readonly tenant: Tenant | null;
  /** Must be called when the request is over. */
  release(): void;
}

const free: Admission = Object.freeze({ tenant: null, release: () => {} });

export class Door {
  readonly #concurrentLimit: number;
  readonly #nowMs: () => number;
  /** By hash. */
  readonly #entries = new Map<string, { readonly text: string; readonly tenant: Tenant }>();
  #tenants: ReadonlyMap<string, Tenant> | null = null;
  #running = 0;

  constructor(options: DoorOptions) {
    this.#concurrentLimit = options.concurrentRequests ?? Number.POSITIVE_INFINITY;
    this.#nowMs = options.nowMs ?? Date.now;
    this.setKeys(options.keys);
  }

  /** Other keys from now on; who is inside stays, and keys that did not change keep their account. */
  setKeys(keys: readonly ApiKeyEntry[] | null): void {
    if (keys === null) {
      this.#tenants = null;
      return;
    }
    const before = this.#entries;
    const tenants = new Map<string, Tenant>();
    for (const entry of keys) {
      const text = JSON.stringify(entry);
      const known = before.get(entry.hash);
      const tenant = known?.text === text ? known.tenant : new Tenant(entry, this.#nowMs());
      tenants.set(entry.hash, tenant);
      this.#entries.set(entry.hash, { text, tenant });
    }
    for (const hash of this.#entries.keys()) if (!tenants.has(hash)) this.#entries.delete(hash);
    this.#tenants = tenants;
  }

  /** Throws 401, 403, 429 or an overload. */
  admit(request: IncomingMessage, access: Access): Admission {
    if (access === "open") return free;
    const tenant = this.#tenants === null ? null : this.#tenantOf(request, access);
    if (access === "admin") {
      if (tenant?.isAdmin || isLocal(request)) return free;
      throw adminOnly(tenant === null ? null : tenant.name);
    }
    if (this.#running >= this.#concurrentLimit) {
      throw new OverloadedError(
        `The server has ${this.#running} requests running, as many as it takes. Come again in a moment.`,
        { code: "DYN_REQUEST_OVERLOADED" },
      );
    }
    const leave = tenant?.admit(this.#nowMs());
    this.#running += 1;
    let isOver = false;
    return {
      tenant,
      release: () => {
        if (isOver) return;
        isOver = true;
        this.#running -= 1;
        leave?.();
      },
    };
  }

  /** `null`: an administrator on this machine needs no key. */
  #tenantOf(request: IncomingMessage, access: Access): Tenant | null {
    const key = keyOf(request);
    if (key === null) {
      if (access === "admin") return null;
      throw missingApiKey();
    }
    // Looked up by its hash: how long that takes tells nothing of any key.
    const tenant = this.#tenants!.get(hashApiKey(key));
    if (tenant === undefined) throw badApiKey();
    return tenant;
  }
}

/** As OpenAI's clients send it, or Anthropic's. */
function keyOf({ headers }: IncomingMessage): string | null {
  const bearer = /^bearer\s+(\S+)\s*$/i.exec(headers.authorization ?? "");
  if (bearer !== null) return bearer[1]!;
  const key = headers["x-api-key"];
  return typeof key === "string" && key !== "" ? key : null;
}

/** From this machine itself; what a proxy on it passes on is not. */
function isLocal({ socket, headers }: IncomingMessage): boolean {
  if (headers["x-forwarded-for"] !== undefined || headers.forwarded !== undefined) return false;
  const address = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  return address === "::1" || address.startsWith("127.");
}
