import { z } from "zod";

/** i64 on the wire; beyond 2^53 it arrives as a bigint, and 2^53 itself as a number. */
export const Seed = z.union([
  z.number().refine(Number.isInteger).meta({ type: "integer" }),
  z.bigint(),
]);
