// CRC-32C of three neighbouring pieces of memory at once: the processor's instruction takes three cycles, but one of them
// can begin in each, so three pieces cost what one does.

/** void lanes(const void *bytes, uint64_t laneBytes, uint32_t crcs[3]); laneBytes: a multiple of `laneStepBytes`, not 0. */
export const crc32cPrototype =
  "void dyn_Crc32cLanes(const void *bytes, uint64_t laneBytes, void *crcs)";
export const laneCount = 3;
export const laneStepBytes = 32;
/** As Linux names what the code needs. */
export const crc32cProcessorFlag = "sse4_2";

const wordBytes = 8;

/** For x86-64, System V: rdi = bytes, rsi = laneBytes, rdx = crcs. */
export function writeCrc32c(): Uint8Array {
  const step: number[] = [];
  for (let offset = 0; offset < laneStepBytes; offset += wordBytes) {
    step.push(0xf2, 0x48, 0x0f, 0x38, 0xf1, 0x47, offset); // crc32 rax, [rdi + offset]
    step.push(0xf2, 0x4c, 0x0f, 0x38, 0xf1, 0x44, 0x37, offset); // crc32 r8, [rdi + rsi + offset]
    step.push(0xf2, 0x4c, 0x0f, 0x38, 0xf1, 0x4c, 0x77, offset); // crc32 r9, [rdi + 2 rsi + offset]
  }
  step.push(0x48, 0x83, 0xc7, laneStepBytes); // add rdi, laneStepBytes
  step.push(0x48, 0x83, 0xe9, laneStepBytes); // sub rcx, laneStepBytes
  const jumpBytes = 2;
  return Uint8Array.from([
    ...[0x48, 0x89, 0xf1], // mov rcx, rsi
    ...[0xb8, 0xff, 0xff, 0xff, 0xff], // mov eax, ~0
    ...[0x45, 0x31, 0xc0], // xor r8d, r8d
    ...[0x45, 0x31, 0xc9], // xor r9d, r9d
    ...step,
    ...[0x75, 256 - step.length - jumpBytes], // jnz step
    ...[0x89, 0x02], // mov [rdx], eax
    ...[0x44, 0x89, 0x42, 0x04], // mov [rdx + 4], r8d
    ...[0x44, 0x89, 0x4a, 0x08], // mov [rdx + 8], r9d
    0xc3, // ret
  ]);
}
