import { elementTypeCode } from "../onnx/element-type.ts";
import { externalDataFolder } from "../weights/external-file.ts";
import type { BindingSessionOptions } from "./binding-session.ts";
import type { CustomOp } from "./custom-op.ts";
import { type FfiLibrary, loadFfiLibrary, type Pointer } from "./ffi-library.ts";
import { loadIntoHugePages } from "./huge-pages.ts";
import { trimHeap } from "./trim-heap.ts";

const arrayTypes = [
  [Float32Array, elementTypeCode.float32],
  [Int32Array, elementTypeCode.int32],
  [BigInt64Array, elementTypeCode.int64],
] as const;

type TensorData = Float32Array | Int32Array | BigInt64Array;

/** Float32 values outside of JavaScript's memory. */
interface ForeignData {
  readonly address: bigint;
  readonly byteLength: number;
}

/** Memory that ONNX Runtime reads, or writes, in place. Lives until it is released. */
export class FfiTensor {
  /** Kept: the native side holds only an address. */
  readonly data: TensorData | ForeignData;
  readonly value: Pointer;
  readonly #library: FfiLibrary;

  constructor(data: TensorData | ForeignData, shape: readonly number[]) {
    const library = loadFfiLibrary();
    const known = arrayTypes.find(([array]) => data instanceof array);
    const type = known === undefined ? elementTypeCode.float32 : known[1];
    this.data = data;
    this.#library = library;
    this.value = library.create((out) =>
      library.api.createTensorWithData(
        library.cpuMemory,
        "address" in data ? data.address : data,
        data.byteLength,
        BigInt64Array.from(shape, BigInt),
        shape.length,
        type,
        out,
      ),
    );
  }

  release(): void {
    this.#library.api.releaseValue(this.value);
  }
}

export type FfiTensors = Readonly<Record<string, FfiTensor>>;

/** A loaded graph whose outputs are written where the caller says. Runs block the thread. */
export class FfiSession {
  readonly #library = loadFfiLibrary();
  readonly #session: Pointer;
  readonly #customOp: CustomOp | undefined;

  /** `customOp`: one that the graph uses; closed with the session. */
  constructor({ model, weightFile, threadCount }: BindingSessionOptions, customOp?: CustomOp) {
    this.#customOp = customOp;
    const { api, check, create, env } = this.#library;
    const options = create((out) => api.createSessionOptions(out));
    try {
      check(api.setIntraOpNumThreads(options, threadCount));
      if (weightFile !== null) {
        const key = "session.model_external_initializers_file_folder_path";
        check(api.addSessionConfigEntry(options, key, externalDataFolder(weightFile)));
      }
      if (customOp !== undefined) check(api.addCustomOpDomain(options, customOp.domain));
      this.#session = loadIntoHugePages(() =>
        create((out) => api.createSessionFromArray(env, model, model.length, options, out)),
      ).loaded;
    } catch (error) {
      customOp?.close();
      throw error;
    } finally {
      api.releaseSessionOptions(options);
    }
  }

  run(inputs: FfiTensors, outputs: FfiTensors): void {
    const { api, check } = this.#library;
    const inputNames = Object.keys(inputs);
    const outputNames = Object.keys(outputs);
    check(
      api.run(
        this.#session,
        null,
        inputNames,
        inputNames.map((name) => inputs[name]!.value),
        inputNames.length,
        outputNames,
        outputNames.length,
        outputNames.map((name) => outputs[name]!.value),
      ),
    );
  }

  release(): void {
    this.#library.api.releaseSession(this.#session);
    this.#customOp?.close();
    trimHeap();
  }
}
