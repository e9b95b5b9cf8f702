// A proxy in front of a prefill engine's data port, with a bootstrap server that names the proxy: cuts or damages what
// goes through it, as a network would.

import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";
import { type BootstrapServer, findPrefillRank, startBootstrapServer } from "@dyn/disagg";
import { segmentHeadBytes } from "../../src/transport/segment-shape.ts";

export interface Fault {
  /** Bytes of prefill's that pass before it strikes. */
  readonly afterBytes: number;
  /**
   * `cut`: the connection ends; `flip`: one byte changes; `stall`: nothing passes any more; `memory`: one byte of every
   * slot of shared memory changes, those of runs included that were just announced.
   */
  readonly kind: "cut" | "flip" | "stall" | "memory";
}

export class FaultyLink implements AsyncDisposable {
  /** The next connection gets the first of them; none left = all is well. */
  readonly faults: Fault[] = [];
  readonly bootstrapPort: number;
  readonly #bootstrap: BootstrapServer;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** What decode engines said of their segments. */
  readonly #segments: {
    readonly fd: number;
    readonly slotBytes: number;
    readonly slotCount: number;
  }[] = [];

  private constructor(bootstrap: BootstrapServer, target: { host: string; port: number }) {
    this.#bootstrap = bootstrap;
    this.bootstrapPort = bootstrap.port;
    this.#server = createServer((near) => this.#join(near, connect(target)));
  }

  static async start(prefillBootstrapPort: number): Promise<FaultyLink> {
    const rank = await findPrefillRank({
      host: "127.0.0.1",
      port: prefillBootstrapPort,
      room: 0n,
      dpRank: 0,
      timeoutMs: 60_000,
    });
    const bootstrap = await startBootstrapServer({ bindHost: "127.0.0.1", port: 0 });
    const link = new FaultyLink(bootstrap, { host: rank.rank_ip, port: rank.rank_port });
    await new Promise<void>((resolve) => link.#server.listen(0, "127.0.0.1", resolve));
    bootstrap.table.register({
      attn_tp_size: 1,
      attn_tp_rank: 0,
      attn_cp_size: 1,
      attn_cp_rank: 0,
      attn_dp_size: 1,
      attn_dp_rank: 0,
      pp_size: 1,
      pp_rank: 0,
      system_dp_size: 1,
      system_dp_rank: 0,
      rank_ip: "127.0.0.1",
      rank_port: (link.#server.address() as AddressInfo).port,
      page_size: 16,
      kv_cache_dtype: "auto",
      load_balance_method: "follow_bootstrap_room",
      enable_dsa_cache_layer_split: false,
      prefill_http_port: null,
    });
    return link;
  }

  #join(near: Socket, far: Socket): void {
    const fault = this.faults.shift();
    let passed = 0;
    let isStalled = false;
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("error", () => socket.destroy());
    }
    near.on("data", (chunk: Buffer) => {
      this.#openSegment(chunk.toString("latin1"));
      far.write(chunk);
    });
    far.on("data", (chunk: Buffer) => {
      const strikes = fault !== undefined && passed + chunk.length > fault.afterBytes;
      if (strikes && fault.kind === "cut") {
        near.destroy();
        far.destroy();
        return;
      }
      if (strikes && fault.kind === "memory" && passed <= fault.afterBytes) this.#damageMemory();
      if (strikes && fault.kind === "stall") isStalled = true;
      if (isStalled) return;
      if (strikes && fault.kind === "flip" && passed <= fault.afterBytes) {
        chunk[fault.afterBytes - passed]! ^= 1;
      }
      passed += chunk.length;
      near.write(chunk);
    });
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  }

  /** Its name is there until the other side has it open. */
  #openSegment(hello: string): void {
    const [, path, , slotBytes, slotCount] =
      /"segment":{"path":"([^"]+)","nonce":"([^"]+)","slotBytes":(\d+),"slotCount":(\d+)}/.exec(
        hello,
      ) ?? [];
    if (path === undefined) return;
    const fd = openSync(path, "r+");
    this.#segments.push({ fd, slotBytes: Number(slotBytes), slotCount: Number(slotCount) });
  }

  #damageMemory(): void {
    const byte = Buffer.alloc(1);
    for (const { fd, slotBytes, slotCount } of this.#segments) {
      for (let slot = 0; slot < slotCount; slot++) {
        const at = segmentHeadBytes + slot * slotBytes;
        readSync(fd, byte, 0, 1, at);
        byte[0]! ^= 1;
        writeSync(fd, byte, 0, 1, at);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { fd } of this.#segments) closeSync(fd);
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#bootstrap.close();
  }
}
