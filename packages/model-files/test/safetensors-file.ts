// Writes .safetensors bytes for tests.
import { type TensorDtype, tensorDtypeSizeBytes } from "@dyn/model-files";

export interface TensorSpec {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** Default: the tensor's bytes count up from 0. */
  readonly data?: Uint8Array;
}

export function encodeSafetensors(tensors: readonly TensorSpec[]): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const { name, dtype, shape, data } of tensors) {
    const size = shape.reduce((product, length) => product * length, tensorDtypeSizeBytes[dtype]);
    parts.push(data ?? Uint8Array.from({ length: size }, (_, index) => index & 255));
    header[name] = { dtype, shape, data_offsets: [offset, offset + size] };
    offset += size;
  }
  return joinSafetensors(JSON.stringify(header), Buffer.concat(parts));
}

export function joinSafetensors(headerText: string, data: Uint8Array): Buffer {
  const header = Buffer.from(headerText);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, data]);
}
