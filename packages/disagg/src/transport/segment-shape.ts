export interface SegmentShape {
  readonly slotBytes: number;
  readonly slotCount: number;
}

/** The nonce stands in it. Slots begin at memory pages. */
export const segmentHeadBytes = 4096;

export function segmentBytes({ slotBytes, slotCount }: SegmentShape): number {
  return segmentHeadBytes + slotBytes * slotCount;
}

/** Throws RangeError: no such slot. */
export function slotOffset({ slotBytes, slotCount }: SegmentShape, slot: number): number {
  if (Number.isInteger(slot) && slot >= 0 && slot < slotCount) {
    return segmentHeadBytes + slot * slotBytes;
  }
  throw new RangeError(`The shared segment has no slot ${slot}.`);
}
