// Address space that costs memory only where it is written, and can be given back piece by piece. Linux only.
import koffi from "koffi";

const protReadWrite = 1 | 2;
const mapPrivateAnonymousNoReserve = 0x2 | 0x20 | 0x4000;
const adviceDontNeed = 4;
const failed = 0xffff_ffff_ffff_ffffn;

/** Pieces that are given back begin and end at multiples of this. */
export const memoryPageBytes = 4096;

export class ReservedMemory {
  readonly #library = koffi.load("libc.so.6");
  readonly #sizeBytes: number;
  readonly #address: bigint;
  readonly #advise: (address: bigint, sizeBytes: number, advice: number) => number;

  constructor(sizeBytes: number) {
    const map = this.#library.func(
      "void *mmap(void *at, size_t size, int protection, int flags, int file, int64_t offset)",
    );
    const address = map(null, sizeBytes, protReadWrite, mapPrivateAnonymousNoReserve, -1, 0);
    this.#address = koffi.address(address);
    if (this.#address === failed) {
      throw new Error(`${sizeBytes} bytes of address space cannot be reserved`);
    }
    this.#sizeBytes = sizeBytes;
    this.#advise = this.#library.func("int madvise(void *at, size_t size, int advice)");
  }

  addressOf(offsetBytes: number): bigint {
    return this.#address + BigInt(offsetBytes);
  }

  /** Must not be used after `release`. */
  view(offsetBytes: number, sizeBytes: number): Float32Array {
    return new Float32Array(koffi.view(this.addressOf(offsetBytes), sizeBytes));
  }

  /** The piece reads as zeros afterwards. */
  discard(offsetBytes: number, sizeBytes: number): void {
    this.#advise(this.addressOf(offsetBytes), sizeBytes, adviceDontNeed);
  }

  release(): void {
    this.#library.func("int munmap(void *at, size_t size)")(this.#address, this.#sizeBytes);
  }
}
