import { Float32, Float64, Uuid } from "./number-kinds.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Fields of a preprocessed request that are floats on the wire also when their value is whole (Dynamo 1.6.1). */
const floats: Readonly<
  Record<
    string,
    { readonly kind: typeof Float32 | typeof Float64; readonly names: readonly string[] }
  >
> = {
  sampling_options: {
    kind: Float32,
    names: [
      "presence_penalty",
      "frequency_penalty",
      "repetition_penalty",
      "temperature",
      "top_p",
      "min_p",
      "length_penalty",
    ],
  },
  routing: { kind: Float64, names: ["priority_jump"] },
  router_config_override: {
    kind: Float64,
    names: [
      "overlap_score_credit",
      "prefill_load_scale",
      "router_temperature",
      "shared_cache_multiplier",
    ],
  },
};

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The same request with its float fields and the id of its hand-over marked; anything else is returned as it is. The order of fields stays. */
export function requestToWire(request: unknown): unknown {
  if (!isFields(request)) return request;
  let marked: Record<string, unknown> | null = null;
  for (const [section, { kind, names }] of Object.entries(floats)) {
    const fields = request[section];
    if (!isFields(fields)) continue;
    const numbers = names.filter((name) => typeof fields[name] === "number");
    if (numbers.length === 0) continue;
    const copy: Record<string, unknown> = { ...fields };
    for (const name of numbers) copy[name] = new kind(fields[name] as number);
    marked ??= { ...request };
    marked[section] = copy;
  }
  const { bootstrap_info: info } = request;
  if (isFields(info) && typeof info.handoff_id === "string" && uuidPattern.test(info.handoff_id)) {
    marked ??= { ...request };
    marked.bootstrap_info = { ...info, handoff_id: new Uuid(info.handoff_id) };
  }
  return marked ?? request;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
