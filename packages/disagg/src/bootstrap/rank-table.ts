// Who the prefill ranks are and where, and which rank has a room.
import type { RankAddress, RankRegistration } from "./rank-registration.ts";

/** SGLang's: a room that nobody asks for is forgotten. */
const roomLifeMs = 120_000;
const maxRooms = 65_536;

export class RankTable {
  readonly #ranks = new Map<string, RankRegistration>();
  readonly #rooms = new Map<string, { rank: number; diesMs: number }>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  register(registration: RankRegistration): void {
    const { system_dp_rank, attn_dp_rank, attn_cp_rank, attn_tp_rank, pp_rank } = registration;
    const dpRank = registration.system_dp_size > 1 ? system_dp_rank : attn_dp_rank;
    this.#ranks.set(rankKey(dpRank, attn_cp_rank, attn_tp_rank, pp_rank), registration);
  }

  /** Every rank that the first one spoke of has registered. */
  get isComplete(): boolean {
    const [first] = this.#ranks.values();
    if (first === undefined) return false;
    const { attn_tp_size, attn_cp_size, pp_size } = first;
    return this.#ranks.size >= dpSizeOf(first) * attn_tp_size * attn_cp_size * pp_size;
  }

  /** Call only when complete. */
  topology(): Record<string, unknown> {
    const first = [...this.#ranks.values()][0]!;
    return {
      attn_tp_size: first.attn_tp_size,
      attn_cp_size: first.attn_cp_size,
      dp_size: dpSizeOf(first),
      pp_size: first.pp_size,
      page_size: first.page_size,
      kv_cache_dtype: first.kv_cache_dtype,
      follow_bootstrap_room: first.load_balance_method === "follow_bootstrap_room",
      enable_dsa_cache_layer_split: first.enable_dsa_cache_layer_split,
      prefill_http_port: first.prefill_http_port,
      target_tp_rank: null,
      target_tp_ranks: null,
      target_cp_ranks: null,
      target_pp_ranks: null,
      required_dst_info_num: null,
      required_prefill_response_num: null,
    };
  }

  find(dp: number, cp: number, tp: number, pp: number): RankAddress | null {
    const found = this.#ranks.get(rankKey(dp, cp, tp, pp));
    return found === undefined ? null : { rank_ip: found.rank_ip, rank_port: found.rank_port };
  }

  /** The oldest rooms go when there are too many. */
  setRoom(room: string, rank: number): void {
    this.#forgetOld();
    if (this.#rooms.size >= maxRooms) this.#rooms.delete(this.#rooms.keys().next().value!);
    this.#rooms.set(room, { rank, diesMs: this.#now() + roomLifeMs });
  }

  rankOfRoom(room: string): number | null {
    this.#forgetOld();
    return this.#rooms.get(room)?.rank ?? null;
  }

  /** Insertion order is order of death. */
  #forgetOld(): void {
    const now = this.#now();
    for (const [room, { diesMs }] of this.#rooms) {
      if (diesMs > now) return;
      this.#rooms.delete(room);
    }
  }
}

function dpSizeOf({ system_dp_size, attn_dp_size }: RankRegistration): number {
  return Math.max(system_dp_size, attn_dp_size);
}

function rankKey(dp: number, cp: number, tp: number, pp: number): string {
  return `${dp} ${cp} ${tp} ${pp}`;
}
