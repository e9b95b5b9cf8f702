import { invalidOption } from "./disagg-errors.ts";

export interface DisaggregationOptions {
  readonly mode: "prefill" | "decode";
  /** Under which others reach this machine. Default 127.0.0.1. */
  readonly host?: string;
  /** Where servers listen. Default: `host`. */
  readonly bindHost?: string;
  /** Prefill: of the bootstrap server; 0 = any. Default 0. */
  readonly bootstrapPort?: number;
  /** `shm`: only over shared memory, `tcp`: only over TCP, `auto` (default): shared memory where both engines see it. */
  readonly transport?: "shm" | "tcp" | "auto";
  /** Prefill: this engine's place among the data-parallel ranks. Default 0 of 1. Rank 0 serves the bootstrap server, others register there. */
  readonly dpRank?: number;
  readonly dpSize?: number;
  /** SGLang's value in the topology; informs only. */
  readonly httpPort?: number | null;
  /** Bytes of a run of KV. Default 4 MiB. */
  readonly runBytes?: number;
  /** Runs on their way per pair of engines: what a slow side can hold up. Default 4. */
  readonly window?: number;
  /** From a room's opening until the other side has joined (prefill), or all KV is there (decode). Default 300 000, SGLang's. */
  readonly roomTimeoutMs?: number;
  /** Prefill: how long a decode engine that has everything may take to say so. Default 30 000. */
  readonly leaseTimeoutMs?: number;
  /** Decode: until a prefill engine must have answered. Default 1000. */
  readonly connectTimeoutMs?: number;
  /** An engine from which nothing came for so long is gone, and its rooms with it; at least 2000 between processes, which say every second that they live. Default 5000. */
  readonly peerTimeoutMs?: number;
}

export type FullDisaggregationOptions = Required<DisaggregationOptions>;

/** Fills in defaults; throws InvalidArgumentError. */
export function completeOptions(options: DisaggregationOptions): FullDisaggregationOptions {
  const host = options.host ?? "127.0.0.1";
  const full: FullDisaggregationOptions = {
    mode: options.mode,
    host,
    bindHost: options.bindHost ?? host,
    bootstrapPort: options.bootstrapPort ?? 0,
    transport: options.transport ?? "auto",
    dpRank: options.dpRank ?? 0,
    dpSize: options.dpSize ?? 1,
    httpPort: options.httpPort ?? null,
    runBytes: options.runBytes ?? 4 * 2 ** 20,
    window: options.window ?? 4,
    roomTimeoutMs: options.roomTimeoutMs ?? 300_000,
    leaseTimeoutMs: options.leaseTimeoutMs ?? 30_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 1000,
    peerTimeoutMs: options.peerTimeoutMs ?? 5000,
  };
  if (full.mode !== "prefill" && full.mode !== "decode") {
    throw invalidOption("mode", full.mode, "prefill or decode");
  }
  if (!["shm", "tcp", "auto"].includes(full.transport)) {
    throw invalidOption("transport", full.transport, "shm, tcp or auto");
  }
  atLeast("runBytes", full.runBytes, 4096);
  atLeast("window", full.window, 1);
  atLeast("dpSize", full.dpSize, 1);
  for (const name of [
    "roomTimeoutMs",
    "leaseTimeoutMs",
    "connectTimeoutMs",
    "peerTimeoutMs",
  ] as const) {
    atLeast(name, full[name], 1);
  }
  if (!Number.isInteger(full.dpRank) || full.dpRank < 0 || full.dpRank >= full.dpSize) {
    throw invalidOption("dpRank", full.dpRank, `a whole number below dpSize, ${full.dpSize}`);
  }
  if (full.dpRank > 0 && full.bootstrapPort === 0) {
    throw invalidOption("bootstrapPort", 0, "the port of rank 0's bootstrap server");
  }
  return full;
}

function atLeast(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw invalidOption(name, value, `a whole number from ${least}`);
}
