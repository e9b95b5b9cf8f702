import type { KvStore } from "@dyn/engine";
import type { KvElementType } from "./kv-element-type.ts";
import { KvPages, type KvShape } from "./kv-pages.ts";
import { OnnxKvStore } from "./onnx-kv-store.ts";

export interface KvStoreOptions extends KvShape {
  readonly pageSize: number;
  readonly pageCount: number;
  /** Default float32. */
  readonly elementType?: KvElementType;
}

/** Pages as this package's executors have them and what moves KV in and out, without a model: for executors of one's own. */
export function createKvStore(options: KvStoreOptions): KvStore {
  const { pageSize, pageCount, elementType = "float32" } = options;
  return new OnnxKvStore(options, pageSize, new KvPages(options, pageSize, pageCount, elementType));
}
