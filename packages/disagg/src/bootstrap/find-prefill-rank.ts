// The decode side's question: which prefill rank has this room, and where is it?
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { prefillUnreachable } from "../disagg-errors.ts";
import { type RankAddress, rankAddressSchema, topologySchema } from "./rank-registration.ts";

const retryMs = 50;

export interface RankQuery {
  readonly host: string;
  readonly port: number;
  readonly room: bigint;
  /** Chosen by the router; `null` = by the room. */
  readonly dpRank: number | null;
  readonly timeoutMs: number;
}

/** Asks again while ranks are missing. Throws DYN_DISAGG_PREFILL_UNREACHABLE. */
export async function findPrefillRank(query: RankQuery): Promise<RankAddress> {
  const { host, port, room, timeoutMs } = query;
  const base = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const deadlineMs = performance.now() + timeoutMs;
  const signal = AbortSignal.timeout(timeoutMs);
  /** Says more of what is missing than that time ran out in the middle of the next question. */
  const said: { refusal: Error | null } = { refusal: null };
  const ask = async (path: string, body?: string): Promise<unknown> => {
    for (;;) {
      const post = body === undefined ? {} : { method: "POST", body };
      const response = await fetch(`${base}${path}`, { ...post, signal });
      if (response.ok) return await response.json();
      const text = await response.text();
      const refusal = new Error(`it answers ${response.status}: ${text.slice(0, 200)}`);
      said.refusal = refusal;
      if (response.status !== 503 || performance.now() + retryMs >= deadlineMs) throw refusal;
      await sleep(retryMs);
    }
  };
  const route = (dp: number, rank: number) =>
    `/route?prefill_dp_rank=${dp}&prefill_cp_rank=${rank}&target_tp_rank=${rank}&target_pp_rank=${rank}`;
  try {
    let { dpRank } = query;
    if (dpRank === null) {
      const topology = topologySchema.parse(await ask(route(-1, -1)));
      if (topology.follow_bootstrap_room || topology.dp_size === 1) {
        dpRank = Number(room % BigInt(topology.dp_size));
      } else {
        const known = z
          .record(z.string(), z.number().int())
          .parse(await ask("/query_dp_ranks", `{"bootstrap_rooms":[${room}]}`));
        dpRank = known[`${room}`] ?? null;
        if (dpRank === null) throw new Error(`it knows no rank for room ${room}`);
      }
    }
    return rankAddressSchema.parse(await ask(route(dpRank, 0)));
  } catch (error) {
    const cause = signal.aborted ? (said.refusal ?? error) : error;
    throw prefillUnreachable(`${host}:${port}`, describe(cause), cause);
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? cause.message || String(cause) : error.message;
}
