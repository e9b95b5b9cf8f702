// What JavaScript cannot do with memory: put a file's pages under a buffer, and run machine code. Through koffi, which not
// every platform has; without it KV goes the longer way, through read and write.
import { existsSync, readFileSync } from "node:fs";

const protRead = 1;
const protWrite = 2;
const protExecute = 4;
const mapShared = 0x01;
const mapPrivate = 0x02;
const mapFixed = 0x10;
const mapAnonymous = 0x20;
const mapPopulate = 0x8000;
const failed = 0xffff_ffff_ffff_ffffn;
const processorFile = "/proc/cpuinfo";

/** Files and mappings begin at multiples of this. */
export const memoryPageBytes = 4096;

export type CodeFunction = (...values: (number | bigint | ArrayBufferView)[]) => void;

export interface ProcessMemory {
  /**
   * A buffer of whole memory pages whose memory is that of the file from `offsetBytes` on, which must be there. It may be
   * transferred to other threads; the mapping lives exactly as long as the buffer's memory.
   */
  mapFile(fd: number, offsetBytes: number, sizeBytes: number): ArrayBuffer;
  /** The buffer's memory is its own again, and zero; the file's is let go. */
  unmapFile(buffer: ArrayBuffer): void;
  /** Where it lies: the same on every thread. */
  addressOf(buffer: ArrayBuffer): bigint;
  /** Flags of the processor, as Linux names them. */
  readonly processorFlags: ReadonlySet<string>;
  /** A function made of machine code, by its C prototype. Its memory is never writable and executable at once. */
  placeCode(code: Uint8Array, prototype: string): CodeFunction;
}

let loaded: Promise<ProcessMemory | string> | undefined;

/** Or why there is none. */
export function loadProcessMemory(): Promise<ProcessMemory | string> {
  loaded ??= load().catch((error: unknown) =>
    error instanceof Error ? error.message : String(error),
  );
  return loaded;
}

async function load(): Promise<ProcessMemory | string> {
  if (process.platform !== "linux") return "mapped memory needs Linux";
  const { default: koffi } = await import("koffi");
  const library = koffi.load("libc.so.6");
  const map = library.func(
    "uint64_t mmap(uint64_t at, size_t size, int protection, int flags, int file, int64_t offset)",
  );
  const protect = library.func("int mprotect(uint64_t at, size_t size, int protection)");
  const copy = library.func("void *memcpy(uint64_t to, const void *from, size_t size)");
  // memmove answers with its first argument, and moves nothing here.
  const locate = library.func("uint64_t memmove(void *to, const void *from, size_t size)");
  const addressOf = (buffer: ArrayBuffer) => {
    const view = new Uint8Array(buffer);
    return BigInt(locate(view, view, 0));
  };
  const mapAt = (at: bigint, size: number, flags: number, fd: number, offset: number) => {
    const address = BigInt(map(at, size, protRead | protWrite, flags, fd, offset));
    if (address === failed) throw new Error(`${size} bytes of memory cannot be mapped`);
    return address;
  };
  const memory: ProcessMemory = {
    mapFile(fd, offsetBytes, sizeBytes) {
      const buffer = pageAlignedBuffer(sizeBytes);
      const at = addressOf(buffer);
      if (at % BigInt(memoryPageBytes) !== 0n) {
        throw new Error("this runtime's resizable buffers do not begin at memory pages");
      }
      mapAt(at, sizeBytes, mapShared | mapFixed | mapPopulate, fd, offsetBytes);
      return buffer;
    },
    unmapFile(buffer) {
      const flags = mapPrivate | mapAnonymous | mapFixed;
      mapAt(addressOf(buffer), buffer.byteLength, flags, -1, 0);
    },
    addressOf,
    processorFlags: readProcessorFlags(),
    placeCode(code, prototype) {
      const sizeBytes = wholePages(code.length);
      const address = mapAt(0n, sizeBytes, mapPrivate | mapAnonymous, -1, 0);
      copy(address, code, code.length);
      if (protect(address, sizeBytes, protRead | protExecute) !== 0) {
        throw new Error("the system does not let this process make code executable");
      }
      return koffi.decode(address, koffi.proto(prototype)) as CodeFunction;
    },
  };
  return memory;
}

/** V8 takes the memory of resizable buffers, and of no other ones, from the system in pages, and gives it back so. */
function pageAlignedBuffer(sizeBytes: number): ArrayBuffer {
  const Resizable = ArrayBuffer as unknown as new (
    sizeBytes: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer;
  return new Resizable(sizeBytes, { maxByteLength: sizeBytes });
}

/** Whether it came from `mapFile`, on this thread or another one. */
export function isMapped(buffer: ArrayBuffer): boolean {
  return (buffer as { readonly resizable?: boolean }).resizable === true;
}

export function wholePages(sizeBytes: number): number {
  return Math.ceil(sizeBytes / memoryPageBytes) * memoryPageBytes;
}

function readProcessorFlags(): ReadonlySet<string> {
  if (!existsSync(processorFile)) return new Set();
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync(processorFile, "utf8"))?.[1] ?? "";
  return new Set(flags.trim().split(/\s+/));
}
