// Bodies that the indexer takes, in Dynamo 1.6.1's words. Fields that are not named here are passed over.
import { TokenIds } from "@dyn/protocol";
import { z } from "zod";

const u64 = z
  .union([
    z.number().int().nonnegative(),
    z
      .bigint()
      .nonnegative()
      .max(2n ** 64n - 1n),
  ])
  .transform(BigInt);
const i64 = z
  .union([
    z.number().int(),
    z
      .bigint()
      .min(-(2n ** 63n))
      .max(2n ** 63n - 1n),
  ])
  .transform((value) => BigInt.asUintN(64, BigInt(value)));
const group = z
  .string()
  .min(1)
  .nullish()
  .transform((value) => value ?? "default");
const rank = z.number().int().min(0).max(65_535);
const address = z
  .string()
  .regex(/^(tcp|ipc|inproc):\/\/\S+$/, "must be an address like tcp://host:port");

export const RegisterBody = z.looseObject({
  instance_id: u64,
  endpoint: address,
  model_name: z.string().min(1),
  block_size: z.number().int().min(1).max(16_384),
  dp_rank: rank.nullish(),
  replay_endpoint: address.nullish(),
  routing_group: group,
});

export const UnregisterBody = z.looseObject({
  instance_id: u64,
  model_name: z.string().min(1),
  dp_rank: rank.nullish(),
  routing_group: z.string().min(1).nullish(),
});

export const QueryBody = z.looseObject({
  token_ids: TokenIds,
  model_name: z.string().min(1),
  routing_group: group,
  lora_name: z.string().nullish(),
  cache_salt: z.string().nullish(),
  cache_namespace: z.string().nullish(),
});

export const HashQueryBody = z.looseObject({
  block_hashes: z.array(i64),
  model_name: z.string().min(1),
  routing_group: group,
});

export const PeerBody = z.looseObject({ url: z.url({ protocol: /^https?$/ }) });
