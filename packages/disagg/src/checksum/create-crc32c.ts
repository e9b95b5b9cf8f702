import type { ProcessMemory } from "../memory/process-memory.ts";
import {
  crc32cProcessorFlag,
  crc32cPrototype,
  laneCount,
  laneStepBytes,
  writeCrc32c,
} from "./crc32c-code.ts";

export type Checksum = (bytes: Uint8Array) => number;

/** Castagnoli's polynomial, its bits reversed. */
const polynomial = 0x82f63b78;
const byteTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
  return value;
});

/** RFC 3720's CRC-32C by the processor's instruction, or why not. */
export function createCrc32c(memory: ProcessMemory): Checksum | string {
  if (process.arch !== "x64") return "the code is for x86-64";
  if (!memory.processorFlags.has(crc32cProcessorFlag)) {
    return `the processor lacks ${crc32cProcessorFlag}`;
  }
  const lanes = memory.placeCode(writeCrc32c(), crc32cPrototype);
  const crcs = new Uint32Array(laneCount);
  // Runs but the last one of a prompt have one size.
  let shiftBytes = 0;
  let shift = 0;
  return (bytes) => {
    const laneBytes = Math.floor(bytes.length / (laneCount * laneStepBytes)) * laneStepBytes;
    let crc = 0xffff_ffff;
    if (laneBytes > 0) {
      lanes(bytes, laneBytes, crcs);
      if (laneBytes !== shiftBytes) [shiftBytes, shift] = [laneBytes, powerOfX(8 * laneBytes)];
      crc = crcs[0]!;
      for (let lane = 1; lane < laneCount; lane++) crc = multiply(shift, crc) ^ crcs[lane]!;
    }
    for (let at = laneCount * laneBytes; at < bytes.length; at++) {
      crc = byteTable[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
    }
    return ~crc >>> 0;
  };
}

/** Polynomials over two elements modulo ours; the highest bit is x^0. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= b;
    b = b & 1 ? (b >>> 1) ^ polynomial : b >>> 1;
  }
  return product;
}

function powerOfX(exponent: number): number {
  let power = 1 << 31;
  let square = 1 << 30;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = multiply(power, square);
    square = multiply(square, square);
  }
  return power;
}
