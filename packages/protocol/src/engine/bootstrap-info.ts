// Where a decode worker meets the prefill worker of its request. The names are SGLang's, the container Dynamo's.
import { z } from "zod";

const largestRoom = 2n ** 63n - 1n;

/** Names one hand-over: 0 to 2^63 - 1; a bigint beyond 2^53. */
export const BootstrapRoom = z
  .union([z.number().int().nonnegative(), z.bigint().nonnegative()])
  .refine((room) => BigInt(room) <= largestRoom, "must be below 2^63");

export const BootstrapInfo = z.looseObject({
  bootstrap_host: z.string().min(1),
  bootstrap_port: z.number().int().min(0).max(65_535),
  bootstrap_room: BootstrapRoom,
  /** A UUID, 16 bytes in msgpack; handlers pass it over. */
  handoff_id: z.unknown().optional(),
});
export type BootstrapInfo = z.infer<typeof BootstrapInfo>;

/** What a prefill worker's first item says: the same meeting, for the decode worker. */
export const DisaggregatedParams = BootstrapInfo.omit({ handoff_id: true });
export type DisaggregatedParams = z.infer<typeof DisaggregatedParams>;

/** A request that names it hands nothing over: warm-up and health checks. */
export const fakeBootstrapHost = "2.2.2.2";
