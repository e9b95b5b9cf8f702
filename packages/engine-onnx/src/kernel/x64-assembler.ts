// Machine code for x86-64, as much of it as attention and the moving of KV need: integer loops, AVX2 with FMA on eight
// floats, F16C between them and half floats, CRC-32C.
// Names and order of operands are those of Intel's manual: the destination comes first.

/** Numbers as the processor has them. */
export const gp = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
} as const;

export type Gp = (typeof gp)[keyof typeof gp];
/** A register of eight floats, 0 to 15. */
export type Ymm = number;

/** [base + index + offset] in bytes. */
export interface Memory {
  readonly base: Gp;
  readonly index?: Gp;
  readonly offset?: number;
}

export type Label = { position: number | null; readonly uses: number[] };

const conditions = {
  equal: 0x4,
  notEqual: 0x5,
  less: 0xc,
  greaterOrEqual: 0xd,
  greater: 0xf,
} as const;
type Condition = keyof typeof conditions;

/** Opcode maps and prefixes of the VEX encoding. */
const map = { plain: 1, f38: 2, f3a: 3 } as const;
const prefix = { none: 0, p66: 1 } as const;

/** map, prefix, opcode: three operands, or two with the first source left out. */
const vector = {
  add: [map.plain, prefix.none, 0x58],
  mul: [map.plain, prefix.none, 0x59],
  sub: [map.plain, prefix.none, 0x5c],
  min: [map.plain, prefix.none, 0x5d],
  max: [map.plain, prefix.none, 0x5f],
  div: [map.plain, prefix.none, 0x5e],
  xor: [map.plain, prefix.none, 0x57],
  horizontalAdd: [map.plain, 3, 0x7c],
  addInt: [map.plain, prefix.p66, 0xfe],
  /** first += second * third */
  multiplyAdd: [map.f38, prefix.p66, 0xb8],
  /** first -= second * third */
  multiplySubtract: [map.f38, prefix.p66, 0xbc],
  /** first = second * first + third */
  hornerStep: [map.f38, prefix.p66, 0xa8],
} as const;

export class X64Assembler {
  #bytes = new Uint8Array(1 << 14);
  #length = 0;

  /** Jumps are resolved here. */
  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  label(): Label {
    return { position: null, uses: [] };
  }

  place(label: Label): void {
    label.position = this.#length;
    for (const use of label.uses) this.#patch(use, this.#length);
    label.uses.length = 0;
  }

  jump(label: Label): void {
    this.#emit(0xe9);
    this.#target(label);
  }

  jumpIf(condition: Condition, label: Label): void {
    this.#emit(0x0f, 0x80 | conditions[condition]);
    this.#target(label);
  }

  push(register: Gp): void {
    if (register > 7) this.#emit(0x41);
    this.#emit(0x50 | (register & 7));
  }

  pop(register: Gp): void {
    if (register > 7) this.#emit(0x41);
    this.#emit(0x58 | (register & 7));
  }

  ret(): void {
    // The caller's code is not of this kind, and mixing the two is slow without it.
    this.#emit(0xc5, 0xf8, 0x77, 0xc3);
  }

  move(to: Gp, from: Gp | Memory): void {
    this.#integer([0x8b], to, from);
  }

  add(to: Gp, from: Gp | Memory): void {
    this.#integer([0x03], to, from);
  }

  subtract(to: Gp, from: Gp | Memory): void {
    this.#integer([0x2b], to, from);
  }

  compare(left: Gp, right: Gp | Memory): void {
    this.#integer([0x3b], left, right);
  }

  multiply(to: Gp, from: Gp | Memory): void {
    this.#integer([0x0f, 0xaf], to, from);
  }

  /** Eight bytes. */
  storeWord(to: Memory, from: Gp): void {
    this.#integer([0x89], from, to);
  }

  /** The other bytes of `to` stay. */
  loadByte(to: Gp, from: Memory): void {
    this.#integer([0x8a], to, from);
  }

  /** The lowest byte. */
  storeByte(to: Memory, from: Gp): void {
    this.#integer([0x88], from, to);
  }

  xor(to: Gp, from: Gp): void {
    this.#integer([0x33], to, from);
  }

  /** CRC-32C in `to` goes on over eight bytes. */
  checksumWord(to: Gp, from: Gp | Memory): void {
    this.#emit(0xf2);
    this.#integer([0x0f, 0x38, 0xf1], to, from);
  }

  /** ... over one. */
  checksumByte(to: Gp, from: Memory): void {
    this.#emit(0xf2);
    this.#integer([0x0f, 0x38, 0xf0], to, from);
  }

  /** A cache line that will be read. Faults on no address. */
  prefetch(from: Memory): void {
    this.#integer([0x0f, 0x18], 1, from);
  }

  moveIfGreater(to: Gp, from: Gp): void {
    this.#integer([0x0f, 0x4f], to, from);
  }

  /** rax, rdx = rdx:rax / divisor, remainder */
  divide(divisor: Memory): void {
    this.#integer([0xf7], 6, divisor);
  }

  zero(register: Gp): void {
    this.#integer([0x33], register, register);
  }

  addValue(to: Gp, value: number): void {
    this.#integer([0x81], 0, to);
    this.#int32(value);
  }

  and(to: Gp, value: number): void {
    this.#integer([0x81], 4, to);
    this.#int32(value);
  }

  compareValue(left: Gp, value: number): void {
    this.#integer([0x81], 7, left);
    this.#int32(value);
  }

  moveValue(to: Gp, value: number): void {
    this.#integer([0xc7], 0, to);
    this.#int32(value);
  }

  multiplyValue(to: Gp, from: Gp, value: number): void {
    this.#integer([0x69], to, from);
    this.#int32(value);
  }

  load(to: Ymm, from: Memory): void {
    this.#vex(map.plain, prefix.none, 0x10, to, 0, from, 1);
  }

  store(to: Memory, from: Ymm): void {
    this.#vex(map.plain, prefix.none, 0x11, from, 0, to, 1);
  }

  /** Past the caches. The place is a multiple of 32; `fence` before others look. */
  storeStream(to: Memory, from: Ymm): void {
    this.#vex(map.plain, prefix.p66, 0xe7, from, 0, to, 1);
  }

  /** All that was stored past the caches comes before what follows. */
  fence(): void {
    this.#emit(0x0f, 0xae, 0xf8);
  }

  /** The lower 32 bits, zeros above them. */
  wordToVector(to: Ymm, from: Gp): void {
    this.#vex(map.plain, prefix.p66, 0x6e, to, 0, from as Ymm, 0);
  }

  /** The lower 64 bits. */
  vectorToWord(to: Gp, from: Ymm): void {
    this.#vex(map.plain, prefix.p66, 0x7e, from, 0, to as Ymm, 0, 1);
  }

  /** The lower 64 bits of both as polynomials over two elements. */
  carrylessMultiply(to: Ymm, left: Ymm, right: Ymm): void {
    this.#vex(map.f3a, prefix.p66, 0x44, to, left, right, 0);
    this.#emit(0);
  }

  /** The lower four floats. */
  storeFour(to: Memory, from: Ymm): void {
    this.#vex(map.plain, prefix.none, 0x11, from, 0, to, 0);
  }

  /** The lowest float. */
  storeOne(to: Memory, from: Ymm): void {
    this.#vex(map.plain, 2, 0x11, from, 0, to, 0);
  }

  /** Eight half floats from memory. */
  loadHalves(to: Ymm, from: Memory): void {
    this.#vex(map.f38, prefix.p66, 0x13, to, 0, from, 1);
  }

  /** As eight half floats, each the nearest one. */
  storeAsHalves(to: Memory, from: Ymm): void {
    this.#vex(map.f3a, prefix.p66, 0x1d, from, 0, to, 1);
    this.#emit(0);
  }

  broadcast(to: Ymm, from: Memory | Ymm): void {
    this.#vex(map.f38, prefix.p66, 0x18, to, 0, from, 1);
  }

  /** All eight floats; changes `scratch`. */
  broadcastValue(to: Ymm, value: number, scratch: Gp): void {
    this.broadcastBits(to, new Int32Array(Float32Array.of(value).buffer)[0]!, scratch);
  }

  broadcastBits(to: Ymm, bits: number, scratch: Gp): void {
    this.moveValue(scratch, bits);
    this.wordToVector(to, scratch);
    this.broadcast(to, to);
  }

  vector(name: keyof typeof vector, to: Ymm, left: Ymm, right: Ymm | Memory): void {
    const [opcodeMap, opcodePrefix, opcode] = vector[name];
    this.#vex(opcodeMap, opcodePrefix, opcode, to, left, right, 1);
  }

  zeroVector(register: Ymm): void {
    this.vector("xor", register, register, register);
  }

  /** The upper four floats become the lower ones. */
  upperHalf(to: Ymm, from: Ymm): void {
    this.#vex(map.f3a, prefix.p66, 0x19, from, 0, to, 1);
    this.#emit(1);
  }

  /** Each group of four floats, reordered: two bits per place. */
  permute(to: Ymm, from: Ymm, order: number): void {
    this.#vex(map.f3a, prefix.p66, 0x04, to, 0, from, 1);
    this.#emit(order);
  }

  /** To the nearest whole number, still floats. */
  round(to: Ymm, from: Ymm): void {
    this.#vex(map.f3a, prefix.p66, 0x08, to, 0, from, 1);
    this.#emit(0);
  }

  toInt(to: Ymm, from: Ymm): void {
    this.#vex(map.plain, prefix.p66, 0x5b, to, 0, from, 1);
  }

  shiftLeft(to: Ymm, from: Ymm, count: number): void {
    this.#vex(map.plain, prefix.p66, 0x72, 6, to, from, 1);
    this.#emit(count);
  }

  /** One operand is a register, the other one a register or memory. */
  #integer(opcode: readonly number[], register: number, other: Gp | Memory): void {
    const isMemory = typeof other === "object";
    const base = isMemory ? other.base : other;
    const index = (isMemory ? other.index : undefined) ?? 0;
    this.#emit(0x48 | ((register >> 3) << 2) | ((index >> 3) << 1) | (base >> 3), ...opcode);
    this.#operand(register, other);
  }

  #vex(
    opcodeMap: number,
    opcodePrefix: number,
    opcode: number,
    register: number,
    source: number,
    other: Ymm | Memory,
    wide: 0 | 1,
    longWord: 0 | 1 = 0,
  ): void {
    const isMemory = typeof other === "object";
    const base = isMemory ? other.base : other;
    const index = (isMemory ? other.index : undefined) ?? 0;
    // High bits of registers are stored inverted.
    const extensions = ((register >> 3) << 7) | ((index >> 3) << 6) | ((base >> 3) << 5);
    this.#emit(
      0xc4,
      (extensions ^ 0xe0) | opcodeMap,
      (longWord << 7) | ((~source & 15) << 3) | (wide << 2) | opcodePrefix,
      opcode,
    );
    this.#operand(register, other);
  }

  #operand(register: number, other: number | Memory): void {
    const field = (register & 7) << 3;
    if (typeof other === "number") {
      this.#emit(0xc0 | field | (other & 7));
      return;
    }
    const { base, index, offset = 0 } = other;
    // Always with an offset of four bytes: one form for all registers.
    if (index === undefined && (base & 7) !== gp.rsp) this.#emit(0x80 | field | (base & 7));
    else this.#emit(0x84 | field, (((index ?? gp.rsp) & 7) << 3) | (base & 7));
    this.#int32(offset);
  }

  #target(label: Label): void {
    const at = this.#length;
    this.#int32(0);
    if (label.position === null) label.uses.push(at);
    else this.#patch(at, label.position);
  }

  #patch(at: number, position: number): void {
    new DataView(this.#bytes.buffer).setInt32(at, position - (at + 4), true);
  }

  #int32(value: number): void {
    this.#emit(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255);
  }

  #emit(...bytes: number[]): void {
    if (this.#length + bytes.length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }
}
