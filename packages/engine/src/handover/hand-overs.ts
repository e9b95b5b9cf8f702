// Disaggregated serving as the engine core sees it: both halves, one port.
import { InvalidArgumentError } from "@dyn/protocol";
import type { HandOverMetrics } from "../contract/disaggregation.ts";
import type { GenerateRequest } from "../contract/generate-request.ts";
import type { KvStore } from "../contract/kv-store.ts";
import type { KvTransfer, KvTransferPort, MessageFromKvTransfer } from "../contract/kv-transfer.ts";
import type { RequestGroup } from "../scheduler/request-group.ts";
import type { Sequence } from "../scheduler/sequence.ts";
import { DecodeRooms } from "./decode-rooms.ts";
import { HandOverCounters } from "./hand-over-counters.ts";
import { transferGone } from "./hand-over-errors.ts";
import type { HandOverHost } from "./hand-over-host.ts";
import { PrefillRooms } from "./prefill-rooms.ts";

/** SGLang's: a request that names it gets no real transfer. For warm-up and canaries. */
export const fakeBootstrapHost = "2.2.2.2";

const largestRoom = 2n ** 63n - 1n;

export class HandOvers {
  readonly prefill: PrefillRooms;
  readonly decode: DecodeRooms;
  readonly #port: KvTransferPort;
  readonly #mode: "prefill" | "decode" | "null";
  readonly #counters = new HandOverCounters();
  #gone: Error | null = null;

  constructor(options: {
    transfer: KvTransfer;
    kv: KvStore;
    host: HandOverHost;
    now: () => number;
    maxWaiting: number;
  }) {
    const { transfer, ...rest } = options;
    const { port } = transfer;
    this.#port = port;
    this.#mode = transfer.info.mode;
    const shared = { ...rest, port, counters: this.#counters };
    this.prefill = new PrefillRooms(shared);
    this.decode = new DecodeRooms(shared);
    port.on("message", (message) => this.#receive(message));
    port.on("close", () => {
      this.#gone = transferGone();
      this.prefill.fail(this.#gone);
      this.decode.fail(this.#gone);
    });
    const { layout, computesCrc32c = false } = options.kv;
    port.postMessage({ type: "layout", layout, computesCrc32c });
  }

  /** Rooms whose leases may be open. */
  get openCount(): number {
    return this.prefill.openCount + this.decode.openCount;
  }

  /** Throws what refuses the request's half. */
  check(request: GenerateRequest): void {
    const { role, bootstrapRoom: room } = request.disaggregation!;
    if (this.#gone !== null) throw this.#gone;
    if (role !== this.#mode) {
      throw new InvalidArgumentError(
        `The request asks for the ${role} half, but this engine's disaggregation mode is ${this.#mode}; send it to a ${role} engine.`,
        { param: "disaggregation" },
      );
    }
    if (typeof room !== "bigint" || room < 0n || room > largestRoom) {
      throw new InvalidArgumentError(
        `bootstrapRoom is ${room}; it must be a bigint from 0 to 2^63 - 1.`,
        { param: "disaggregation" },
      );
    }
    if (request.resume !== null && request.n > 1) {
      throw new InvalidArgumentError(
        "Choices that were begun elsewhere differ in their KV, and a room hands over that of one; send the request without its bootstrap fields, or with n = 1.",
        { param: "disaggregation" },
      );
    }
    if (role === "prefill") this.prefill.check(room);
    else this.decode.check(room);
  }

  /** The request has ended here, whatever the other side is doing. */
  ended(group: RequestGroup, message: string): void {
    const role = group.request.disaggregation?.role;
    if (role === "prefill") this.prefill.cancel(group, message);
    else if (role === "decode") this.decode.cancel(group, message);
  }

  /** `leased`: sequences whose pages the other side may use. */
  metrics(leased: Iterable<Sequence>): HandOverMetrics {
    let leasesOpen = 0;
    let leasedPages = 0;
    for (const { pageCount } of leased) {
      leasesOpen++;
      leasedPages += pageCount;
    }
    const waitingForDecode = this.prefill.waitingCount;
    return {
      waitingForDecode,
      handingOver: this.prefill.openCount - waitingForDecode,
      waitingForPages: this.decode.waitingCount,
      receiving: this.decode.openCount,
      leasesOpen,
      leasedPages,
      ...this.#counters,
    };
  }

  close(): void {
    this.#port.close();
  }

  #receive(message: MessageFromKvTransfer): void {
    if (this.prefill.has(message.room) || message.type === "buffer") this.prefill.receive(message);
    else this.decode.receive(message);
  }
}
