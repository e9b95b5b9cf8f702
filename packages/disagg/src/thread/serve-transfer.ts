// One engine's side of disaggregated serving, on whatever thread it is started: waits for the engine's layout, then
// serves its port.
import type { KvLayout, MessageToKvTransfer } from "@dyn/engine";
import { InternalError } from "@dyn/protocol";
import { startBootstrapServer } from "../bootstrap/bootstrap-server.ts";
import type { RankRegistration } from "../bootstrap/rank-registration.ts";
import { registerRank } from "../bootstrap/register-rank.ts";
import type { FullDisaggregationOptions } from "../disaggregation-options.ts";
import type { Means } from "../means.ts";
import { DecodeEndpoint } from "../rooms/decode-endpoint.ts";
import type { EnginePort } from "../rooms/engine-port.ts";
import { PrefillEndpoint } from "../rooms/prefill-endpoint.ts";
import type { RoomRecord } from "../rooms/room-record.ts";

export interface TransferServer {
  /** `null` on the decode side. */
  readonly bootstrapPort: number | null;
  close(): Promise<void>;
}

export interface TransferHooks {
  /** It cannot serve any more. */
  onFault(error: unknown): void;
  onRoomEnded(record: RoomRecord): void;
}

export async function serveTransfer(
  port: EnginePort,
  options: FullDisaggregationOptions,
  means: Means,
  hooks: TransferHooks,
): Promise<TransferServer> {
  const { mode, bindHost, bootstrapPort, dpRank, host } = options;
  const servesBootstrap = mode === "prefill" && dpRank === 0;
  const bootstrap = servesBootstrap
    ? await startBootstrapServer({ bindHost, port: bootstrapPort })
    : null;
  let prefill: PrefillEndpoint | null = null;
  let decode: DecodeEndpoint | null = null;

  const start = async (layout: KvLayout, computesCrc32c: boolean) => {
    if (mode === "decode") {
      decode = new DecodeEndpoint({
        port,
        layout,
        computesCrc32c,
        options,
        means,
        onEnded: hooks.onRoomEnded,
      });
      return;
    }
    prefill = new PrefillEndpoint(port, layout, options, means, hooks.onRoomEnded);
    const registration = describeRank(options, layout, await prefill.listen());
    if (bootstrap !== null) bootstrap.table.register(registration);
    else await registerRank(host, bootstrapPort, registration);
  };
  const receive = (message: MessageToKvTransfer) => {
    if (message.type === "layout") {
      start(message.layout, message.computesCrc32c).catch((error) => hooks.onFault(error));
      return;
    }
    const { room } = message;
    const endpoint = prefill ?? decode;
    if (endpoint === null) throw new InternalError(`${message.type} came before the layout.`);
    switch (message.type) {
      case "cancel":
        endpoint.cancel(room, message.message);
        break;
      case "returned":
        endpoint.returned(room, message.bytes);
        break;
      case "offer":
        prefill?.offer(room, message.tokenCount);
        break;
      case "want":
        prefill?.want(room);
        break;
      case "run":
        prefill?.run(message);
        break;
      case "handOver":
        prefill?.handOver(room, message.handOver);
        break;
      case "fetch":
        void decode?.fetch(message);
        break;
      case "damaged":
        decode?.damaged(room, message.start, message.count);
        break;
      case "accept":
        decode?.accept(room);
        break;
    }
  };
  port.on("message", receive);
  const close = async () => {
    decode?.close();
    await Promise.all([prefill?.close(), bootstrap?.close()]);
    port.close();
  };
  // The engine went: whoever has its pages, or waits for them, is told.
  port.on("close", () => void close());
  return { bootstrapPort: bootstrap?.port ?? (mode === "prefill" ? bootstrapPort : null), close };
}

function describeRank(
  options: FullDisaggregationOptions,
  layout: KvLayout,
  rankPort: number,
): RankRegistration {
  return {
    attn_tp_size: 1,
    attn_tp_rank: 0,
    attn_cp_size: 1,
    attn_cp_rank: 0,
    attn_dp_size: 1,
    attn_dp_rank: 0,
    pp_size: 1,
    pp_rank: 0,
    system_dp_size: options.dpSize,
    system_dp_rank: options.dpRank,
    rank_ip: options.host,
    rank_port: rankPort,
    page_size: layout.pageSize,
    kv_cache_dtype: layout.elementType,
    load_balance_method: "follow_bootstrap_room",
    enable_dsa_cache_layer_split: false,
    prefill_http_port: options.httpPort,
  };
}
