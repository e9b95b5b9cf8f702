// The one place that talks to onnxruntime-node. It uses the package's inner, synchronous binding:
// the public InferenceSession wraps the same call in checks, a timer turn and a promise (measured: twice the
// overhead of a call), and runs it on the calling thread all the same. The version is pinned for this reason.
import { createRequire } from "node:module";
import { DynError } from "@dyn/protocol";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { externalDataFolder } from "../weights/external-file.ts";
import { loadIntoHugePages } from "./huge-pages.ts";
import { trimHeap } from "./trim-heap.ts";

type Feeds = Readonly<Record<string, Tensor>>;

interface NativeSession {
  loadModel(
    buffer: ArrayBufferLike,
    offsetBytes: number,
    sizeBytes: number,
    options: InferenceSession.SessionOptions,
  ): void;
  run(
    feeds: Feeds,
    fetches: Readonly<Record<string, null>>,
    options: InferenceSession.RunOptions,
  ): Record<string, Tensor>;
  dispose(): void;
}

interface NativeBinding {
  readonly binding: { readonly InferenceSession: new () => NativeSession };
  /** Must be called before the first session is made, or the process crashes. */
  readonly initOrt: () => void;
}

interface OrtLibrary {
  readonly InferenceSession: new () => NativeSession;
  readonly Tensor: typeof Tensor;
}

let loaded: OrtLibrary | undefined;

/** Loads onnxruntime-node on first use. Throws `DYN_ENGINE_RUNTIME_MISSING` where it has no binary. */
export function loadOrt(): OrtLibrary {
  if (loaded !== undefined) return loaded;
  const require = createRequire(import.meta.url);
  try {
    const { binding, initOrt } = require("onnxruntime-node/dist/binding.js") as NativeBinding;
    const library = require("onnxruntime-node") as { readonly Tensor: typeof Tensor };
    initOrt();
    loaded = { InferenceSession: binding.InferenceSession, Tensor: library.Tensor };
    return loaded;
  } catch (error) {
    throw new DynError(
      `onnxruntime-node cannot be loaded on ${process.platform}/${process.arch} (${error instanceof Error ? error.message : String(error)}). Install it with the environment variable ONNXRUNTIME_NODE_INSTALL=skip; it has binaries for linux (glibc 2.28 or newer) and windows on x64 and arm64, and for macOS on arm64.`,
      { code: "DYN_ENGINE_RUNTIME_MISSING", status: 500, cause: error },
    );
  }
}

export interface BindingSessionOptions {
  /** A serialized onnx.ModelProto. */
  readonly model: Uint8Array;
  /** A file on the drive of the external weights. */
  readonly weightFile: string | null;
  readonly threadCount: number;
}

/** A loaded graph. Runs block the thread until they are done. */
export class BindingSession {
  readonly #session: NativeSession;

  constructor({ model, weightFile, threadCount }: BindingSessionOptions) {
    const session = new (loadOrt().InferenceSession)();
    this.#session = session;
    const load = (options: InferenceSession.SessionOptions) =>
      session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
        intraOpNumThreads: threadCount,
        interOpNumThreads: 1,
        ...options,
      });
    if (weightFile === null) {
      load({});
    } else {
      const folder = externalDataFolder(weightFile);
      const extra = { session: { model_external_initializers_file_folder_path: folder } };
      loadIntoHugePages(() => load({ extra }));
    }
  }

  /** Inputs are read where they lie; every output comes back in memory of its own. */
  run(feeds: Feeds, outputs: Readonly<Record<string, null>>): Record<string, Tensor> {
    return this.#session.run(feeds, outputs, {});
  }

  release(): void {
    this.#session.dispose();
    trimHeap();
  }
}
