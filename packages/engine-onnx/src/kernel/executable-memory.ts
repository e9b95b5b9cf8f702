// Memory that holds machine code: written once, then readable and executable, never both writable and executable.
import koffi from "koffi";

const protReadWrite = 1 | 2;
const protReadExecute = 1 | 4;
const mapPrivateAnonymous = 0x2 | 0x20;
const failed = 0xffff_ffff_ffff_ffffn;
const memoryPageBytes = 4096;

/** Stays until the process ends. Returns where the code starts. Throws where the system forbids it. */
export function placeCode(code: Uint8Array): bigint {
  const library = koffi.load("libc.so.6");
  const sizeBytes = Math.ceil(code.length / memoryPageBytes) * memoryPageBytes;
  const map = library.func(
    "uint64_t mmap(void *at, size_t size, int protection, int flags, int file, int64_t offset)",
  );
  const address = BigInt(map(null, sizeBytes, protReadWrite, mapPrivateAnonymous, -1, 0));
  if (address === failed) throw new Error(`${sizeBytes} bytes of memory cannot be had`);
  library.func("void *memcpy(uint64_t to, const void *from, size_t size)")(
    address,
    code,
    code.length,
  );
  const protect = library.func("int mprotect(uint64_t at, size_t size, int protection)");
  if (protect(address, sizeBytes, protReadExecute) !== 0) {
    throw new Error("the system does not let this process make code executable");
  }
  return address;
}
