import { drawU64 } from "@dyn/runtime";

const roomCount = 2n ** 63n;

/** A room nobody uses, 0 to 2^63 - 1. Prefill workers take its remainder by their ranks for the rank; `null`: any. */
export function drawRoom(dpRank: number | null, dpSize: number, draw = drawU64): bigint {
  const room = draw() % roomCount;
  if (dpRank === null || dpSize < 2) return room;
  const size = BigInt(dpSize);
  const aligned = room - (room % size) + BigInt(dpRank);
  return aligned < roomCount ? aligned : aligned - size;
}
