// Attention over KV pages as machine code, made for one head size. Two queries that share a kv head are computed
// together, so that a key or value that was read serves both; four keys at a time keep both multipliers busy.
// Softmax is exact (two passes over the scores). Computed is in float32 throughout; pages may hold float16, which is
// widened as it is read and rounded to the nearest as it is stored.
import { type KvElementType, kvArrays } from "../executor/kv-element-type.ts";
import { type Gp, gp, type Memory, X64Assembler } from "./x64-assembler.ts";

/** Bytes from the start of a job, which both functions are given. All fields have 8 bytes. */
export const jobFields = {
  /** [T, heads x headDim] */
  queries: 0,
  /** The same shape. */
  answers: 8,
  /** Pages of this layer, [kvHeads, tokens of all pages, headDim] */
  keys: 16,
  values: 24,
  /** An entry of `tokenFields` for each new token. */
  tokens: 32,
  /** T x kvHeads */
  unitCount: 40,
  workerCount: 48,
  kvHeadCount: 56,
  /** Bytes from one kv head to the next in the pages. */
  headStride: 64,
  /** A part of `scratchStride` bytes for each worker. */
  scratch: 72,
  scratchStride: 80,
  /** Bytes from the scores of one query to those of the other. */
  scoreStride: 88,
  /** [T, kvHeads x headDim] */
  newKeys: 96,
  newValues: 104,
} as const;
export const jobBytes = 112;

export const tokenFields = {
  /** First of the runs that this token sees: pairs of byte offset (in a kv head's pages) and token count. */
  runs: 0,
  /** Tokens of that first run before what it sees. */
  skip: 8,
  /** Tokens that it sees. */
  length: 16,
  /** Byte offset in a kv head's pages at which its own key and value are stored. */
  own: 24,
} as const;
export const tokenBytes = 32;

/** At the start of a worker's scratch memory: 1 / sum of both queries. */
const scratchHeader = 64;
const runBytes = 16;
const floatBytes = 4;
const lanes = 8;
const keysAtOnce = 4;
const largestHalf = 65_504;

export interface AttentionShape {
  /** A multiple of 8. */
  readonly headDim: number;
  readonly headsPerKvHead: number;
  readonly scale: number;
  /** Of keys and values in the pages. */
  readonly kvType: KvElementType;
}

/** Bytes of scratch memory of a worker, and between both rows of scores in it, for sequences of up to `length` tokens. */
export function scratchSize(length: number): { scratchStride: number; scoreStride: number } {
  // A last group of keys, and the infinities behind it, end behind the sequence.
  const scoreStride = Math.ceil((length + keysAtOnce + 2 * lanes) / 16) * 16 * floatBytes;
  return { scratchStride: scratchHeader + 2 * scoreStride, scoreStride };
}

/** void attend(job *, size_t worker) */
export function writeAttention(shape: AttentionShape): Uint8Array {
  const { headDim, headsPerKvHead, scale, kvType } = shape;
  const a = new X64Assembler();
  // Queries and answers are float32 always.
  const rowBytes = headDim * floatBytes;
  const kvBytes = kvArrays[kvType].BYTES_PER_ELEMENT;
  const kvRowBytes = headDim * kvBytes;
  /** Eight values of a key or value, from the `dim`-th on. */
  const loadKv = (to: number, row: Gp, dim: number) => {
    const from = { base: row, offset: dim * kvBytes };
    if (kvType === "float16") a.loadHalves(to, from);
    else a.load(to, from);
  };
  const { rbx: job, r12: unit, r13: scores, r14: token, r15: scoreStride } = gp;
  const { r8: query, r9: answer, r10: headOffset, rbp: pairs } = gp;
  const field = (name: keyof typeof jobFields): Memory => ({ base: job, offset: jobFields[name] });
  const tokenField = (name: keyof typeof tokenFields): Memory => ({
    base: token,
    offset: tokenFields[name],
  });
  const inverse = {
    first: { base: scores, offset: -scratchHeader },
    second: { base: scores, offset: floatBytes - scratchHeader },
  } as const;
  const saved = [gp.rbx, gp.rbp, gp.r12, gp.r13, gp.r14, gp.r15];

  for (const register of saved) a.push(register);
  a.move(job, gp.rdi);
  a.move(unit, gp.rsi);
  a.move(scores, gp.rsi);
  a.multiply(scores, field("scratchStride"));
  a.add(scores, field("scratch"));
  a.addValue(scores, scratchHeader);
  a.move(scoreStride, field("scoreStride"));

  const [nextUnit, done] = [a.label(), a.label()];
  a.place(nextUnit);
  a.compare(unit, field("unitCount"));
  a.jumpIf("greaterOrEqual", done);
  a.move(gp.rax, unit);
  a.zero(gp.rdx);
  a.divide(field("kvHeadCount"));
  // rax: token, rdx: kv head.
  a.multiplyValue(token, gp.rax, tokenBytes);
  a.add(token, field("tokens"));
  a.move(query, unit);
  a.multiplyValue(query, query, headsPerKvHead * rowBytes);
  a.move(answer, query);
  a.add(query, field("queries"));
  a.add(answer, field("answers"));
  a.move(headOffset, gp.rdx);
  a.multiply(headOffset, field("headStride"));

  const pairCount = headsPerKvHead >> 1;
  if (pairCount > 0) {
    a.moveValue(pairs, pairCount);
    const nextPair = a.label();
    a.place(nextPair);
    writePair(rowBytes);
    a.addValue(query, 2 * rowBytes);
    a.addValue(answer, 2 * rowBytes);
    a.addValue(pairs, -1);
    a.jumpIf("notEqual", nextPair);
  }
  // A single one is its own partner.
  if (headsPerKvHead % 2 === 1) writePair(0);
  a.add(unit, field("workerCount"));
  a.jump(nextUnit);

  a.place(done);
  for (const register of saved.reverse()) a.pop(register);
  a.ret();
  return a.toBytes();

  /** `partner`: bytes from the first query to the second. */
  function writePair(partner: number): void {
    writeScores(partner);
    writeSoftmax("first");
    writeSoftmax("second");
    writeSums(partner);
  }

  /** For each run of tokens: rax is its first row, rdx its length; `body` may change rax, rdx and rsi. */
  function eachRun(pages: "keys" | "values", body: () => void): void {
    const [run, left, skip] = [gp.rcx, gp.r11, gp.rsi];
    a.move(run, tokenField("runs"));
    a.move(left, tokenField("length"));
    a.move(skip, tokenField("skip"));
    const next = a.label();
    a.place(next);
    a.multiplyValue(gp.rax, skip, kvRowBytes);
    a.add(gp.rax, { base: run, offset: 0 });
    a.add(gp.rax, headOffset);
    a.add(gp.rax, field(pages));
    a.move(gp.rdx, { base: run, offset: 8 });
    a.subtract(gp.rdx, skip);
    a.compare(gp.rdx, left);
    a.moveIfGreater(gp.rdx, left);
    a.subtract(left, gp.rdx);
    body();
    a.zero(skip);
    a.addValue(run, runBytes);
    a.compareValue(left, 0);
    a.jumpIf("greater", next);
  }

  function writeScores(partner: number): void {
    const at = gp.rdi;
    const [firstQuery, secondQuery, key, factor] = [8, 9, 10, 15];
    a.broadcastValue(factor, scale, gp.rax);
    a.move(at, scores);
    eachRun("keys", () => {
      const nextGroup = a.label();
      a.place(nextGroup);
      for (let i = 0; i < 2 * keysAtOnce; i++) a.zeroVector(i);
      for (let dim = 0; dim < headDim; dim += lanes) {
        const offset = dim * floatBytes;
        a.load(firstQuery, { base: query, offset });
        a.load(secondQuery, { base: query, offset: partner + offset });
        for (let i = 0; i < keysAtOnce; i++) {
          loadKv(key, gp.rax, i * headDim + dim);
          a.vector("multiplyAdd", i, key, firstQuery);
          a.vector("multiplyAdd", keysAtOnce + i, key, secondQuery);
        }
      }
      for (const [first, to] of [
        [0, { base: at }],
        [keysAtOnce, { base: at, index: scoreStride }],
      ] as const) {
        a.vector("horizontalAdd", first, first, first + 1);
        a.vector("horizontalAdd", first + 2, first + 2, first + 3);
        a.vector("horizontalAdd", first, first, first + 2);
        a.upperHalf(first + 1, first);
        a.vector("add", first, first, first + 1);
        a.vector("mul", first, first, factor);
        a.storeFour(to, first);
      }
      a.addValue(gp.rax, keysAtOnce * kvRowBytes);
      a.addValue(at, keysAtOnce * floatBytes);
      a.addValue(gp.rdx, -keysAtOnce);
      a.jumpIf("greater", nextGroup);
      // What a last group computed too much is overwritten.
      a.multiplyValue(gp.rdx, gp.rdx, floatBytes);
      a.add(at, gp.rdx);
    });
    a.broadcastValue(key, Number.NEGATIVE_INFINITY, gp.rax);
    a.store({ base: at }, key);
    a.store({ base: at, index: scoreStride }, key);
  }

  /** Scores become exp(score - largest); 1 / their sum goes in front of them. */
  function writeSoftmax(row: "first" | "second"): void {
    const [at, left] = [gp.rdi, gp.rdx];
    const eachGroup = (body: () => void) => {
      a.move(at, scores);
      if (row === "second") a.add(at, scoreStride);
      a.move(left, tokenField("length"));
      const next = a.label();
      a.place(next);
      body();
      a.addValue(at, lanes * floatBytes);
      a.addValue(left, -lanes);
      a.jumpIf("greater", next);
    };
    const [largest, sum, x, power, whole, polynomial] = [0, 1, 2, 3, 4, 5];
    a.broadcastValue(largest, Number.NEGATIVE_INFINITY, gp.rax);
    eachGroup(() => a.vector("max", largest, largest, { base: at }));
    a.upperHalf(x, largest);
    a.vector("max", largest, largest, x);
    a.permute(x, largest, 0b01_00_11_10);
    a.vector("max", largest, largest, x);
    a.permute(x, largest, 0b10_11_00_01);
    a.vector("max", largest, largest, x);
    a.broadcast(largest, largest);

    // exp(x) = 2^n exp(r), |r| <= ln(2) / 2: Cody and Waite's two-part ln(2), Taylor to the sixth power (2e-7).
    const [smallest, log2e, ln2High, ln2Low, bias] = [6, 7, 8, 9, 10];
    a.broadcastValue(smallest, -87.3, gp.rax);
    a.broadcastValue(log2e, Math.LOG2E, gp.rax);
    a.broadcastValue(ln2High, 0.693359375, gp.rax);
    a.broadcastValue(ln2Low, -2.1219444e-4, gp.rax);
    a.broadcastBits(bias, 127, gp.rax);
    const coefficients = [1 / 120, 1 / 24, 1 / 6, 1 / 2, 1].map((value, i) => {
      a.broadcastValue(11 + i, value, gp.rax);
      return 11 + i;
    });
    const one = coefficients.at(-1)!;
    a.zeroVector(sum);
    eachGroup(() => {
      a.load(x, { base: at });
      a.vector("sub", x, x, largest);
      a.vector("max", x, x, smallest);
      a.vector("mul", whole, x, log2e);
      a.round(whole, whole);
      a.vector("multiplySubtract", x, whole, ln2High);
      a.vector("multiplySubtract", x, whole, ln2Low);
      a.toInt(power, whole);
      a.vector("addInt", power, power, bias);
      a.shiftLeft(power, power, 23);
      a.broadcastValue(polynomial, 1 / 720, gp.rax);
      for (const coefficient of coefficients) a.vector("hornerStep", polynomial, x, coefficient);
      a.vector("hornerStep", polynomial, x, one);
      a.vector("mul", polynomial, polynomial, power);
      a.store({ base: at }, polynomial);
      a.vector("add", sum, sum, polynomial);
    });
    a.upperHalf(x, sum);
    a.vector("add", sum, sum, x);
    a.permute(x, sum, 0b01_00_11_10);
    a.vector("add", sum, sum, x);
    a.permute(x, sum, 0b10_11_00_01);
    a.vector("add", sum, sum, x);
    a.vector("div", sum, one, sum);
    a.storeOne(inverse[row], sum);
  }

  function writeSums(partner: number): void {
    const [probability, row, left] = [gp.rdi, gp.rsi, gp.rdx];
    const [first, second, value] = [8, 9, 10];
    const chunkBytes = lanes * floatBytes;
    a.zeroVector(value);
    for (let offset = 0; offset < rowBytes; offset += chunkBytes) {
      a.store({ base: answer, offset }, value);
      a.store({ base: answer, offset: partner + offset }, value);
    }
    a.move(probability, scores);
    eachRun("values", () => {
      // The sums of four groups of eight floats, of both queries, fit into registers.
      for (let start = 0; start < rowBytes; start += 4 * chunkBytes) {
        const chunks = Math.min(4, (rowBytes - start) / chunkBytes);
        for (let i = 0; i < chunks; i++) {
          a.load(i, { base: answer, offset: start + i * chunkBytes });
          a.load(4 + i, { base: answer, offset: partner + start + i * chunkBytes });
        }
        const next = a.label();
        a.push(probability);
        a.push(left);
        a.move(row, gp.rax);
        a.place(next);
        a.broadcast(first, { base: probability });
        a.broadcast(second, { base: probability, index: scoreStride });
        for (let i = 0; i < chunks; i++) {
          loadKv(value, row, start / floatBytes + i * lanes);
          a.vector("multiplyAdd", i, value, first);
          a.vector("multiplyAdd", 4 + i, value, second);
        }
        a.addValue(row, kvRowBytes);
        a.addValue(probability, floatBytes);
        a.addValue(left, -1);
        a.jumpIf("notEqual", next);
        a.pop(left);
        a.pop(probability);
        for (let i = 0; i < chunks; i++) {
          a.store({ base: answer, offset: start + i * chunkBytes }, i);
          a.store({ base: answer, offset: partner + start + i * chunkBytes }, 4 + i);
        }
      }
      a.multiplyValue(left, left, floatBytes);
      a.add(probability, left);
    });
    a.broadcast(first, inverse.first);
    a.broadcast(second, inverse.second);
    for (let offset = 0; offset < rowBytes; offset += chunkBytes) {
      a.vector("mul", value, first, { base: answer, offset });
      a.store({ base: answer, offset }, value);
      if (partner === 0) continue;
      a.vector("mul", value, second, { base: answer, offset: partner + offset });
      a.store({ base: answer, offset: partner + offset }, value);
    }
  }
}

/** void store(job *, size_t worker): new keys and values go to their pages. */
export function writeStore({
  headDim,
  kvType,
}: Pick<AttentionShape, "headDim" | "kvType">): Uint8Array {
  const a = new X64Assembler();
  const kvBytes = kvArrays[kvType].BYTES_PER_ELEMENT;
  const [job, unit] = [gp.rdi, gp.rsi];
  const field = (name: keyof typeof jobFields): Memory => ({ base: job, offset: jobFields[name] });
  const [value, largest, smallest] = [0, 1, 2];
  if (kvType === "float16") {
    a.broadcastValue(largest, largestHalf, gp.rax);
    a.broadcastValue(smallest, -largestHalf, gp.rax);
  }
  const [nextUnit, done] = [a.label(), a.label()];
  a.place(nextUnit);
  a.compare(unit, field("unitCount"));
  a.jumpIf("greaterOrEqual", done);
  a.move(gp.rax, unit);
  a.zero(gp.rdx);
  a.divide(field("kvHeadCount"));
  a.multiplyValue(gp.rax, gp.rax, tokenBytes);
  a.add(gp.rax, field("tokens"));
  a.multiply(gp.rdx, field("headStride"));
  a.add(gp.rdx, { base: gp.rax, offset: tokenFields.own });
  for (const [source, pages] of [
    ["newKeys", "keys"],
    ["newValues", "values"],
  ] as const) {
    a.multiplyValue(gp.r8, unit, headDim * floatBytes);
    a.add(gp.r8, field(source));
    a.move(gp.r9, gp.rdx);
    a.add(gp.r9, field(pages));
    for (let dim = 0; dim < headDim; dim += lanes) {
      const to = { base: gp.r9, offset: dim * kvBytes };
      a.load(value, { base: gp.r8, offset: dim * floatBytes });
      if (kvType === "float32") {
        a.store(to, value);
        continue;
      }
      // One infinity would make every later score of its sequence NaN. The value comes last: a NaN stays one.
      a.vector("min", value, largest, value);
      a.vector("max", value, smallest, value);
      a.storeAsHalves(to, value);
    }
  }
  a.add(unit, field("workerCount"));
  a.jump(nextUnit);
  a.place(done);
  a.ret();
  return a.toBytes();
}
