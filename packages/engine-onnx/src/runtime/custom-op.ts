// An operator of our own in a graph of ONNX Runtime: this file speaks its C interface (struct OrtCustomOp), a CustomKernel
// computes. The library calls back on the thread that runs the session, so that kernels may be JavaScript; what they
// hand to `parallel` runs on the session's threads, and is machine code.
import koffi from "koffi";
import { addressOf } from "../kernel/address-of.ts";
import { elementTypeCode } from "../onnx/element-type.ts";
import { type FfiLibrary, loadFfiLibrary, type Pointer } from "./ffi-library.ts";

export const customDomain = "dyn";

export interface CustomKernel {
  readonly name: string;
  /** All are float32. */
  readonly inputCount: number;
  /** Computes the node whose attribute `layer` is this; its one output is float32. */
  compute(layer: number, node: NodeRun): void;
}

/** Positions in struct OrtCustomOp, in words of 8 bytes; word 0 is the version of the struct. */
const fields = {
  name: 2,
  executionProvider: 3,
  inputType: 4,
  inputCount: 5,
  outputType: 6,
  outputCount: 7,
  destroyKernel: 9,
  inputCharacteristic: 10,
  outputCharacteristic: 11,
  inputMemoryType: 12,
  variadicInputMinimum: 13,
  variadicInputHomogeneity: 14,
  variadicOutputMinimum: 15,
  variadicOutputHomogeneity: 16,
  createKernel: 17,
  compute: 18,
} as const;
const structVersion = 16n;
const structWords = 40;
const failed = 1;

const prototypes = {
  ask: koffi.proto("uint64_t dyn_Ask(void *op)"),
  askIndex: koffi.proto("uint64_t dyn_AskIndex(void *op, size_t index)"),
  create: koffi.proto(
    "uint64_t dyn_CreateKernel(void *op, void *api, uint64_t info, _Out_ uint64_t *kernel)",
  ),
  compute: koffi.proto("uint64_t dyn_Compute(uint64_t kernel, uint64_t context)"),
  destroy: koffi.proto("void dyn_Destroy(uint64_t kernel)"),
};

/** One run of one node. */
export class NodeRun {
  readonly #library: FfiLibrary;
  readonly #context: bigint | number;

  constructor(library: FfiLibrary, context: bigint | number) {
    this.#library = library;
    this.#context = context;
  }

  /** Where the values of an input lie. */
  input(index: number): bigint {
    const out: [bigint | number] = [0];
    this.#library.check(this.#library.api.kernelInput(this.#context, index, out));
    return this.#dataOf(out[0]);
  }

  /** Makes the output, and says where its values go. */
  output(...shape: number[]): bigint {
    const out: [bigint | number] = [0];
    const sizes = BigInt64Array.from(shape, BigInt);
    this.#library.check(this.#library.api.kernelOutput(this.#context, 0, sizes, sizes.length, out));
    return this.#dataOf(out[0]);
  }

  /** Calls `void code(void *data, size_t i)` for each i below `count`, on the session's threads; returns when all are done. */
  parallel(code: bigint, count: number, data: ArrayBufferView): void {
    this.#library.check(this.#library.api.kernelParallelFor(this.#context, code, count, 0, data));
  }

  #dataOf(value: bigint | number): bigint {
    const out: [bigint | number] = [0];
    this.#library.check(this.#library.api.tensorData(value, out));
    return BigInt(out[0]);
  }
}

/** For one session; it must be closed after the session. */
export class CustomOp {
  readonly domain: Pointer;
  readonly #library = loadFfiLibrary();
  readonly #callbacks: ReturnType<typeof koffi.register>[] = [];
  /** The library keeps only addresses of these. */
  readonly #kept: ArrayBufferView[] = [];

  constructor(kernel: CustomKernel) {
    const { api, check, create } = this.#library;
    const op = new BigUint64Array(structWords);
    op[0] = structVersion;
    const name = this.#text(kernel.name);
    const answer = (field: keyof typeof fields, value: number | bigint) => {
      this.#set(op, field, () => value, prototypes.askIndex);
    };
    answer("name", name);
    answer("executionProvider", 0); // the processor's
    answer("inputType", elementTypeCode.float32);
    answer("inputCount", kernel.inputCount);
    answer("outputType", elementTypeCode.float32);
    answer("outputCount", 1);
    answer("inputCharacteristic", 0); // required
    answer("outputCharacteristic", 0);
    answer("inputMemoryType", 0); // the default one
    answer("variadicInputMinimum", 1);
    answer("variadicInputHomogeneity", 1);
    answer("variadicOutputMinimum", 1);
    answer("variadicOutputHomogeneity", 1);
    const layers: number[] = [];
    this.#set(
      op,
      "createKernel",
      (_op: unknown, _api: unknown, info: bigint, out: unknown) =>
        this.#status(() => {
          const layer: [bigint | number] = [0];
          check(api.integerAttribute(info, "layer", layer));
          layers.push(Number(layer[0]));
          koffi.encode(out, "uint64_t", layers.length);
        }),
      prototypes.create,
    );
    this.#set(
      op,
      "compute",
      (id: bigint | number, context: bigint | number) =>
        this.#status(() =>
          kernel.compute(layers[Number(id) - 1]!, new NodeRun(this.#library, context)),
        ),
      prototypes.compute,
    );
    this.#set(op, "destroyKernel", () => undefined, prototypes.destroy);
    this.#kept.push(op);
    this.domain = create((out) => api.createCustomOpDomain(customDomain, out));
    check(api.addToCustomOpDomain(this.domain, op));
  }

  close(): void {
    this.#library.api.releaseCustomOpDomain(this.domain);
    for (const callback of this.#callbacks) koffi.unregister(callback);
    this.#callbacks.length = 0;
  }

  /** An exception must not cross the library: it becomes a status, and the run's error. */
  #status(act: () => void): bigint | number {
    try {
      act();
      return 0;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return this.#library.api.createStatus(failed, message) as bigint;
    }
  }

  #set(
    op: BigUint64Array,
    field: keyof typeof fields,
    // biome-ignore lint/complexity/noBannedTypes: koffi's own type of a callback
    callback: Function,
    prototype: ReturnType<typeof koffi.proto>,
  ): void {
    const registered = koffi.register(callback as never, koffi.pointer(prototype));
    this.#callbacks.push(registered);
    op[fields[field]] = koffi.address(registered);
  }

  #text(text: string): bigint {
    const bytes = new TextEncoder().encode(`${text}\0`);
    this.#kept.push(bytes);
    return addressOf(bytes);
  }
}
