// The bootstrap protocol as SGLang 0.5.21 was recorded to speak it.
import { findPrefillRank, startBootstrapServer } from "@dyn/disagg";
import { afterEach, beforeEach, expect, it } from "vitest";

let server: Awaited<ReturnType<typeof startBootstrapServer>>;
let base: string;
beforeEach(async () => {
  server = await startBootstrapServer({ bindHost: "127.0.0.1", port: 0 });
  base = `http://127.0.0.1:${server.port}`;
});
afterEach(() => server.close());

const registration = (rank: number, size: number) => ({
  attn_tp_size: 1,
  attn_tp_rank: 0,
  attn_cp_size: 1,
  attn_cp_rank: 0,
  attn_dp_size: 1,
  attn_dp_rank: 0,
  pp_size: 1,
  pp_rank: 0,
  system_dp_size: size,
  system_dp_rank: rank,
  rank_ip: "192.0.2.2",
  rank_port: 44595 + rank,
  page_size: 16,
  kv_cache_dtype: "auto",
  load_balance_method: "follow_bootstrap_room",
  enable_dsa_cache_layer_split: false,
  prefill_http_port: 18410,
});

async function ask(method: string, path: string, body?: string) {
  const init = body === undefined ? { method } : { method, body };
  const response = await fetch(`${base}${path}`, init);
  return { status: response.status, text: await response.text() };
}

const query = (dp: number, tp: number, rest = tp) =>
  `/route?prefill_dp_rank=${dp}&prefill_cp_rank=${rest}&target_tp_rank=${tp}&target_pp_rank=${rest}`;

it("answers as SGLang's does", async () => {
  expect(await ask("GET", "/health")).toEqual({ status: 200, text: "OK" });
  expect((await ask("GET", query(-1, -1))).status).toBe(503);
  expect((await ask("PUT", "/route", JSON.stringify(registration(0, 1)))).status).toBe(200);
  expect(JSON.parse((await ask("GET", query(-1, -1))).text)).toEqual({
    attn_tp_size: 1,
    attn_cp_size: 1,
    dp_size: 1,
    pp_size: 1,
    page_size: 16,
    kv_cache_dtype: "auto",
    follow_bootstrap_room: true,
    enable_dsa_cache_layer_split: false,
    prefill_http_port: 18410,
    target_tp_rank: null,
    target_tp_ranks: null,
    target_cp_ranks: null,
    target_pp_ranks: null,
    required_dst_info_num: null,
    required_prefill_response_num: null,
  });
  expect(JSON.parse((await ask("GET", query(0, 0))).text)).toEqual({
    rank_ip: "192.0.2.2",
    rank_port: 44595,
  });
  expect(await ask("GET", query(0, 7, 0))).toEqual({
    status: 404,
    text: "Bootstrap info not found for dp_rank=0 cp_rank=0 tp_rank=7 pp_rank=0",
  });
  for (const path of ["/route", "/route?engine_rank=0&target_dp_group=0"]) {
    expect(await ask("GET", path)).toEqual({
      status: 400,
      text: "Missing inputs for bootstrap server.",
    });
  }
  expect((await ask("PUT", "/route", "{}")).status).toBe(400);
  expect((await ask("PUT", "/route", "not json")).status).toBe(400);
});

it("keeps 63-bit rooms whole", async () => {
  const room = "9223372036854775807";
  await ask("POST", "/register_dp_rank", `{"bootstrap_room": ${room}, "dp_rank": 3}`);
  const { text } = await ask("POST", "/query_dp_ranks", `{"bootstrap_rooms": [${room}, 5]}`);
  expect(text).toBe(`{"${room}":3}`);
});

it("the rank of a room is the room modulo the ranks, unless one was chosen", async () => {
  await ask("PUT", "/route", JSON.stringify(registration(0, 2)));
  const find = (room: bigint, dpRank: number | null = null, timeoutMs = 60_000) =>
    findPrefillRank({ host: "127.0.0.1", port: server.port, room, dpRank, timeoutMs });
  await expect(find(1n, null, 2_000)).rejects.toThrow("503");
  await ask("PUT", "/route", JSON.stringify(registration(1, 2)));
  const odd = 2n ** 63n - 1n;
  expect((await find(odd)).rank_port).toBe(44596);
  expect((await find(odd - 1n)).rank_port).toBe(44595);
  expect((await find(odd, 0)).rank_port).toBe(44595);
});
