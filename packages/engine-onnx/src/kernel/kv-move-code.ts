// KV between pages and a run of tokens by machine code: one pass copies and takes the CRC-32C of the run. The
// processor's checksum instruction takes three cycles, but one of them can begin in each, so a piece is cut into blocks of
// three lanes that go side by side, and their checksums are joined by one multiplication of polynomials. What is written goes
// past the caches: it needs not be read before, and pages that attention works on stay in them.
import { gp, type Memory, X64Assembler } from "./x64-assembler.ts";

/** `gather`: out of the pages into the run; `scatter`: out of the run into the pages. */
export type KvMove = "gather" | "scatter";

/** uint32_t move(const job *, void *run): CRC-32C of the run before its last inversion. */
export const kvMovePrototype = "uint32_t dyn_MoveKv(const void *job, void *run)";

/**
 * Of the job, in words of 8 bytes. The run has for each pool and head all pieces, without gaps. Nothing is checked here:
 * every address and length must have been.
 */
export const moveFields = {
  /** Addresses of the pools, at least one; behind the last one. */
  pools: 0,
  poolsEnd: 1,
  /** Heads of a pool, at least one, and bytes from one to the next. */
  headCount: 2,
  headStride: 3,
  /** [offset in a head, length] in bytes of each piece, at least one; behind the last one. Lengths may be 0. */
  pieces: 4,
  piecesEnd: 5,
} as const;
export const moveFieldCount = 6;
export const pieceFieldCount = 2;

const wordBytes = 8;
const vectorBytes = 32;
const lineBytes = 64;
const laneBytes = 128;
const laneCount = 3;
const blockBytes = laneCount * laneBytes;
/**
 * What moves a checksum over two lanes and over one: x^(8 n - 33) for n bytes modulo Castagnoli's polynomial, bits
 * reversed. Of the 33, 1 is for the product of reversed polynomials, 32 for the instruction that reduces it.
 */
const shifts = [0xb9e02b86, 0x0d3b6092] as const;
/** Vectors that hold them. */
const shiftVectors = [4, 5] as const;
/** Pages are read so far ahead: a few times what memory takes to answer. */
const aheadBytes = 3072;

const job = gp.rbp;
const from = gp.rsi;
const to = gp.rdi;
const left = gp.rcx;
/** Of the next piece, in its page. */
const next = gp.rbx;
const pool = gp.r12;
const head = gp.r13;
const piece = gp.r14;
const headsLeft = gp.r15;
const ahead = gp.rdx;
const word = gp.rax;
/** Of the lanes. The first one carries the checksum from block to block. */
const crcs = [gp.r8, gp.r9, gp.r10] as const;
const saved = [gp.rbx, gp.rbp, gp.r12, gp.r13, gp.r14, gp.r15] as const;

const field = (name: keyof typeof moveFields): Memory => ({
  base: job,
  offset: moveFields[name] * wordBytes,
});

export function writeKvMove(move: KvMove): Uint8Array {
  const a = new X64Assembler();
  const [page, run] = move === "gather" ? [from, to] : [to, from];
  for (const register of saved) a.push(register);
  a.move(job, gp.rdi);
  if (run !== gp.rsi) a.move(run, gp.rsi);
  for (const [i, vector] of shiftVectors.entries()) {
    a.moveValue(word, shifts[i]!);
    a.wordToVector(vector, word);
  }
  a.move(pool, field("pools"));
  a.move(head, { base: pool });
  a.move(headsLeft, field("headCount"));
  a.move(piece, field("pieces"));
  a.move(next, head);
  a.add(next, { base: piece });
  a.moveValue(crcs[0], -1);

  const nextPiece = a.label();
  a.place(nextPiece);
  a.move(left, { base: piece, offset: wordBytes });
  a.move(page, next);
  writeAdvance(a);
  writeAlign(a);
  writeBlocks(a, move);
  writeWords(a);
  writeBytes(a);
  a.compare(pool, field("poolsEnd"));
  a.jumpIf("notEqual", nextPiece);

  a.fence();
  a.move(gp.rax, crcs[0]);
  for (const register of saved.toReversed()) a.pop(register);
  a.ret();
  return a.toBytes();
}

/** Where the piece after the current one lies, so that it can be fetched in time. Behind the last one: where that lies. */
function writeAdvance(a: X64Assembler): void {
  const found = a.label();
  const end = a.label();
  a.addValue(piece, pieceFieldCount * wordBytes);
  a.compare(piece, field("piecesEnd"));
  a.jumpIf("notEqual", found);
  a.move(piece, field("pieces"));
  a.add(head, field("headStride"));
  a.addValue(headsLeft, -1);
  a.jumpIf("notEqual", found);
  a.move(headsLeft, field("headCount"));
  a.addValue(pool, wordBytes);
  a.compare(pool, field("poolsEnd"));
  a.jumpIf("equal", end);
  a.move(head, { base: pool });
  a.place(found);
  a.move(next, head);
  a.add(next, { base: piece });
  a.place(end);
}

/** Until whole cache lines are written. A place that is no multiple of a word never gets there, and goes by words to its end. */
function writeAlign(a: X64Assembler): void {
  const [again, done] = [a.label(), a.label()];
  a.place(again);
  a.move(word, to);
  a.and(word, lineBytes - 1);
  a.jumpIf("equal", done);
  a.compareValue(left, wordBytes);
  a.jumpIf("less", done);
  writeWord(a);
  a.jump(again);
  a.place(done);
}

function writeBlocks(a: X64Assembler, move: KvMove): void {
  const [again, done] = [a.label(), a.label()];
  a.place(again);
  a.compareValue(left, blockBytes);
  a.jumpIf("less", done);
  if (move === "gather") writePrefetch(a);
  a.zero(crcs[1]);
  a.zero(crcs[2]);
  for (let at = 0; at < laneBytes; at += wordBytes) {
    for (const [lane, crc] of crcs.entries()) {
      a.checksumWord(crc, { base: from, offset: lane * laneBytes + at });
    }
  }
  for (let offset = 0; offset < blockBytes; offset += vectorBytes) {
    a.load(0, { base: from, offset });
    a.storeStream({ base: to, offset }, 0);
  }
  for (const [lane, vector] of shiftVectors.entries()) {
    a.wordToVector(lane, crcs[lane]!);
    a.carrylessMultiply(lane, lane, vector);
  }
  a.vector("xor", 0, 0, 1);
  a.vectorToWord(word, 0);
  a.zero(crcs[0]);
  a.checksumWord(crcs[0], word);
  a.xor(crcs[0], crcs[2]);
  for (const register of [from, to]) a.addValue(register, blockBytes);
  a.addValue(left, -blockBytes);
  a.jump(again);
  a.place(done);
}

/** A block's worth of what comes `aheadBytes` later: in this piece, or in the next one. */
function writePrefetch(a: X64Assembler): void {
  const here = a.label();
  a.move(ahead, from);
  a.compareValue(left, aheadBytes);
  a.jumpIf("greaterOrEqual", here);
  a.move(ahead, next);
  a.subtract(ahead, left);
  a.place(here);
  for (let offset = 0; offset < blockBytes; offset += lineBytes) {
    a.prefetch({ base: ahead, offset: aheadBytes + offset });
  }
}

function writeWord(a: X64Assembler): void {
  a.move(word, { base: from });
  a.checksumWord(crcs[0], word);
  a.storeWord({ base: to }, word);
  for (const register of [from, to]) a.addValue(register, wordBytes);
  a.addValue(left, -wordBytes);
}

function writeWords(a: X64Assembler): void {
  const [again, done] = [a.label(), a.label()];
  a.place(again);
  a.compareValue(left, wordBytes);
  a.jumpIf("less", done);
  writeWord(a);
  a.jump(again);
  a.place(done);
}

function writeBytes(a: X64Assembler): void {
  const [again, done] = [a.label(), a.label()];
  a.place(again);
  a.compareValue(left, 1);
  a.jumpIf("less", done);
  a.loadByte(word, { base: from });
  a.checksumByte(crcs[0], { base: from });
  a.storeByte({ base: to }, word);
  for (const register of [from, to]) a.addValue(register, 1);
  a.addValue(left, -1);
  a.jump(again);
  a.place(done);
}
