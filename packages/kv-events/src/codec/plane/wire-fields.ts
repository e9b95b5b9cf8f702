import { z } from "zod";
import { KvWireError } from "../kv-wire-error.ts";

const integer = z.union([z.int(), z.bigint()]);

/** An id of 64 bits: a bigint inside, whatever its size on the wire. */
export const wireU64 = integer.transform((value) => BigInt.asUintN(64, BigInt(value)));
export const wireU32 = z.int().min(0).max(0xffff_ffff);
/** A count, or nil for unknown. */
export const wireCount = z.int().min(0).nullable().default(null);

export function parseWire<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new KvWireError(`${what} cannot be read: ${z.prettifyError(parsed.error)}`, parsed.error);
}
