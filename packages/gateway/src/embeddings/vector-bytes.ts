// Vectors as workers and clients write them: numbers, or their little-endian float32 bytes in base64.
import { InternalError } from "@dyn/protocol";

const bytesPerNumber = 4;

/** The numbers are float32's. Throws InternalError when the text holds no vector of finite numbers. */
export function base64ToVector(text: string): number[] {
  const bytes = Buffer.from(text, "base64");
  const length = bytes.length / bytesPerNumber;
  if (length === 0 || !Number.isInteger(length)) {
    throw new InternalError(
      `A worker sent an embedding of ${bytes.length} bytes, which are no float32 numbers.`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length }, (_, i) => {
    const value = view.getFloat32(i * bytesPerNumber, true);
    if (Number.isFinite(value)) return value;
    throw new InternalError(`A worker sent an embedding whose number ${i} is ${value}.`);
  });
}

export function vectorToBase64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * bytesPerNumber);
  for (const [i, value] of vector.entries()) bytes.writeFloatLE(value, i * bytesPerNumber);
  return bytes.toString("base64");
}
