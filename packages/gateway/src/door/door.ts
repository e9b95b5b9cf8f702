// Who may ask for what, before a route sees the request. It knows no route's meaning.
import type { IncomingMessage } from "node:http";
import { OverloadedError } from "@dyn/protocol";
import { adminOnly, badApiKey, missingApiKey } from "../errors/gateway-errors.ts";
import { type Accounts, type Allowance, createLocalAccounts } from "./accounts.ts";
import { type ApiKeyEntry, hashApiKey } from "./api-key.ts";
import { takeAll } from "./take-all.ts";
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
  /** Of that refusal. Default 529. */
  readonly overloadStatus?: number;
  readonly nowMs?: () => number;
  /** Where it is counted; default: in this process. */
  readonly accounts?: Accounts;
}

export interface Admission {
  /** `null` where no keys are set. */
  readonly tenant: Tenant | null;
  /** Must be called when the request is over. */
  release(): void;
}

const free: Admission = Object.freeze({ tenant: null, release: () => {} });

export class Door {
  readonly #concurrent: { readonly limit: number; readonly allowance: Allowance } | null;
  readonly #accounts: Accounts;
  readonly #overloadStatus: number;
  /** By hash. */
  readonly #entries = new Map<string, { readonly text: string; readonly tenant: Tenant }>();
  #tenants: ReadonlyMap<string, Tenant> | null = null;

  constructor(options: DoorOptions) {
    const { concurrentRequests: limit } = options;
    this.#accounts = options.accounts ?? createLocalAccounts(options.nowMs ?? Date.now);
    this.#overloadStatus = options.overloadStatus ?? 529;
    this.#concurrent =
      limit === null
        ? null
        : { limit, allowance: this.#accounts.concurrent(`door/${limit}`, limit) };
    this.setKeys(options.keys);
  }

  /** Other keys from now on; who is inside stays, and keys that did not change keep their account. */
  setKeys(keys: readonly ApiKeyEntry[] | null): void {
    if (keys === null) {
      for (const { tenant } of this.#entries.values()) tenant.forget();
      this.#entries.clear();
      this.#tenants = null;
      return;
    }
    const before = this.#entries;
    const tenants = new Map<string, Tenant>();
    for (const entry of keys) {
      const text = JSON.stringify(entry);
      const known = before.get(entry.hash);
      const isSame = known?.text === text;
      const tenant = isSame ? known.tenant : new Tenant(entry, this.#accounts);
      if (!isSame) known?.tenant.forget();
      tenants.set(entry.hash, tenant);
      this.#entries.set(entry.hash, { text, tenant });
    }
    for (const [hash, { tenant }] of this.#entries) {
      if (tenants.has(hash)) continue;
      tenant.forget();
      this.#entries.delete(hash);
    }
    this.#tenants = tenants;
  }

  /** Throws 401, 403, 429 or an overload. Synchronous, unless another process must be asked. */
  admit(request: IncomingMessage, access: Access): Admission | Promise<Admission> {
    if (access === "open") return free;
    const tenant = this.#tenants === null ? null : this.#tenantOf(request, access);
    if (access === "admin") {
      if (tenant?.isAdmin || isLocal(request)) return free;
      throw adminOnly(tenant === null ? null : tenant.name);
    }
    const leaveHouse = this.#enter();
    return leaveHouse instanceof Promise
      ? leaveHouse.then((leave) => admitTenant(tenant, leave))
      : admitTenant(tenant, leaveHouse);
  }

  #enter(): (() => void) | Promise<() => void> {
    if (this.#concurrent === null) return () => {};
    const { limit, allowance } = this.#concurrent;
    const refuse = () =>
      new OverloadedError(
        `The server has ${limit} requests running, as many as it takes. Come again in a moment.`,
        { code: "DYN_REQUEST_OVERLOADED", status: this.#overloadStatus },
      );
    return takeAll([{ allowance, refuse, isKept: true }]);
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

/** What was taken of the house is put back when the tenant may not come in. */
function admitTenant(
  tenant: Tenant | null,
  leaveHouse: () => void,
): Admission | Promise<Admission> {
  if (tenant === null) return admission(tenant, leaveHouse, () => {});
  try {
    const leave = tenant.admit();
    if (!(leave instanceof Promise)) return admission(tenant, leaveHouse, leave);
    return leave.then(
      (later) => admission(tenant, leaveHouse, later),
      (error) => {
        leaveHouse();
        throw error;
      },
    );
  } catch (error) {
    leaveHouse();
    throw error;
  }
}

function admission(tenant: Tenant | null, leaveHouse: () => void, leave: () => void): Admission {
  let isOver = false;
  return {
    tenant,
    release: () => {
      if (isOver) return;
      isOver = true;
      leave();
      leaveHouse();
    },
  };
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
