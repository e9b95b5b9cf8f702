// ONNX Runtime's C API, called through koffi in the very library that onnxruntime-node brings.
// What its Node binding cannot do: write results where they belong, without a copy.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import koffi from "koffi";

/** A native pointer, or memory of JavaScript's. */
export type Pointer = unknown;
/** `null` when all is well. */
type Status = Pointer | null;
type Out = [Pointer | null];

/** Positions in struct OrtApi, which only ever grows at its end. */
const functions = {
  createStatus: [0, "uint64_t dyn_CreateStatus(int code, const char *message)"],
  getErrorMessage: [2, "const char *dyn_GetErrorMessage(void *status)"],
  createEnv: [3, "void *dyn_CreateEnv(int level, const char *id, _Out_ void **env)"],
  createSessionFromArray: [
    8,
    "void *dyn_CreateSession(void *env, void *model, size_t size, void *options, _Out_ void **session)",
  ],
  run: [
    9,
    "void *dyn_Run(void *session, void *options, const char **inputNames, void **inputs, size_t inputCount, const char **outputNames, size_t outputCount, void **outputs)",
  ],
  createSessionOptions: [10, "void *dyn_CreateSessionOptions(_Out_ void **options)"],
  setIntraOpNumThreads: [24, "void *dyn_SetIntraOpNumThreads(void *options, int count)"],
  createCustomOpDomain: [26, "void *dyn_CreateDomain(const char *name, _Out_ void **domain)"],
  addToCustomOpDomain: [27, "void *dyn_AddToDomain(void *domain, void *op)"],
  addCustomOpDomain: [28, "void *dyn_AddDomain(void *options, void *domain)"],
  createTensorWithData: [
    49,
    "void *dyn_CreateTensor(void *info, void *data, size_t size, int64_t *shape, size_t rank, int type, _Out_ void **value)",
  ],
  tensorData: [51, "void *dyn_TensorData(uint64_t value, _Out_ uint64_t *data)"],
  createCpuMemoryInfo: [
    69,
    "void *dyn_CreateCpuMemoryInfo(int allocator, int kind, _Out_ void **info)",
  ],
  integerAttribute: [
    86,
    "void *dyn_IntegerAttribute(uint64_t info, const char *name, _Out_ int64_t *value)",
  ],
  kernelInput: [90, "void *dyn_KernelInput(uint64_t context, size_t index, _Out_ uint64_t *value)"],
  kernelOutput: [
    91,
    "void *dyn_KernelOutput(uint64_t context, size_t index, int64_t *shape, size_t rank, _Out_ uint64_t *value)",
  ],
  releaseStatus: [93, "void dyn_ReleaseStatus(void *status)"],
  releaseSession: [95, "void dyn_ReleaseSession(void *session)"],
  releaseValue: [96, "void dyn_ReleaseValue(void *value)"],
  releaseSessionOptions: [100, "void dyn_ReleaseSessionOptions(void *options)"],
  releaseCustomOpDomain: [101, "void dyn_ReleaseDomain(void *domain)"],
  addSessionConfigEntry: [
    130,
    "void *dyn_AddSessionConfigEntry(void *options, const char *key, const char *value)",
  ],
  kernelParallelFor: [
    274,
    "void *dyn_KernelParallelFor(uint64_t context, uint64_t function, size_t count, size_t batches, void *data)",
  ],
} as const;

const apiVersion = 18;

type NativeFunction = (...values: unknown[]) => unknown;

export interface FfiLibrary {
  readonly api: Readonly<Record<keyof typeof functions, NativeFunction>>;
  readonly env: Pointer;
  readonly cpuMemory: Pointer;
  /** Calls a function that answers with a status, and throws what it says. */
  check(status: unknown): void;
  /** The same for one that makes something. */
  create(make: (out: Out) => unknown): Pointer;
  /** koffi unloads a library that nobody refers to. */
  readonly handle: unknown;
}

let loaded: FfiLibrary | undefined;

/** Throws when there is no such library for this platform. */
export function loadFfiLibrary(): FfiLibrary {
  loaded ??= openLibrary();
  return loaded;
}

function openLibrary(): FfiLibrary {
  const require = createRequire(import.meta.url);
  const root = dirname(require.resolve("onnxruntime-node/package.json"));
  const file = join(root, "bin/napi-v6", process.platform, process.arch, "libonnxruntime.so.1");
  if (process.platform !== "linux" || !existsSync(file)) {
    throw new Error(`in-place attention needs Linux; there is no ${file}`);
  }
  const handle = koffi.load(file);
  const base = handle.func("void *OrtGetApiBase()")() as Pointer;
  const getApi = koffi.decode(
    koffi.decode(base, 0, "void *"),
    koffi.proto("void *dyn_GetApi(uint32_t version)"),
  ) as NativeFunction;
  const table = getApi(apiVersion);
  const api = Object.fromEntries(
    Object.entries(functions).map(([name, [index, prototype]]) => [
      name,
      koffi.decode(koffi.decode(table, index * 8, "void *"), koffi.proto(prototype)),
    ]),
  ) as unknown as FfiLibrary["api"];
  const check = (status: unknown) => {
    if (status === null) return;
    const message = api.getErrorMessage(status as Status);
    api.releaseStatus(status);
    throw new Error(`ONNX Runtime: ${message}`);
  };
  const create = (make: (out: Out) => unknown): Pointer => {
    const out: Out = [null];
    check(make(out));
    return out[0];
  };
  const warnings = 3;
  return {
    api,
    env: create((out) => api.createEnv(warnings, "dyn", out)),
    cpuMemory: create((out) => api.createCpuMemoryInfo(0, 0, out)),
    check,
    create,
    handle,
  };
}
