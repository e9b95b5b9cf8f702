export type TensorDtype =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "I32"
  | "I16"
  | "I8"
  | "U8"
  | "BOOL"
  | "F8_E4M3"
  | "F8_E5M2";

/** Where one tensor lies on disk. Nothing of it is in memory. */
export interface TensorView {
  readonly name: string;
  readonly dtype: TensorDtype;
  /** Row-major. */
  readonly shape: readonly number[];
  /** Absolute path with symbolic links resolved. */
  readonly file: string;
  /** First byte in the file. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** All tensors of a checkpoint, one file or sharded. */
export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, TensorView>;
  readonly totalBytes: number;
  /** Throws a DynError that names tensor and files when it is missing. */
  get(name: string): TensorView;
  has(name: string): boolean;
  /** The raw little-endian bytes of one tensor. */
  read(name: string): Promise<Uint8Array>;
}
