// Compile time, mask time (processor time) and memory at a vocabulary of 151 936 tokens, beside xgrammar's WebAssembly in the same run.
// node --expose-gc --conditions=@dyn/source --import tsx packages/grammar/bench/grammar.ts
import o200k from "js-tiktoken/ranks/o200k_base";
import { compileSpec } from "../src/compile/compile-spec.ts";
import { createTokenTrie, type GrammarSpec } from "../src/index.ts";
import { TokenMasks } from "../src/machine/token-masks.ts";
import { createCompiledGrammar } from "../src/matcher/create-compiled-grammar.ts";
import { loadXGrammar, toByteLetters } from "../test/oracle/xgrammar.ts";
import { allowedTokens, seededRandom } from "../test/walk/random-walk.ts";

const vocabSize = 151_936;
const specialCount = 300;
const endTokenId = vocabSize - 1;
const maxSteps = 2000;
/** Processor time of the process: others on the machine do not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
const wallMs = () => performance.now();
/** The reference is given up on a grammar after this. */
const walkLimitMs = 8000;

function readTokens(): Uint8Array[] {
  const tokens: Uint8Array[] = [];
  for (const line of o200k.bpe_ranks.split("\n")) {
    const [, offset, ...encoded] = line.split(" ");
    for (const [i, token] of encoded.entries()) {
      tokens[Number(offset) + i] = Buffer.from(token, "base64");
    }
  }
  return Array.from({ length: vocabSize }, (_, id) =>
    id < vocabSize - specialCount ? (tokens[id] ?? new Uint8Array(0)) : new Uint8Array(0),
  );
}

const field = (schema: object): GrammarSpec => ({
  kind: "json",
  schema: {
    type: "object",
    properties: { p: schema },
    required: ["p"],
    additionalProperties: false,
  },
  whitespacePattern: null,
});
const person = {
  type: "object",
  properties: {
    name: { type: "string" },
    age: { type: "integer" },
    tags: { type: "array", items: { type: "string" } },
    kind: { enum: ["a", "b", "c"] },
  },
  required: ["name", "age", "tags", "kind"],
  additionalProperties: false,
};
const cases: [name: string, spec: GrammarSpec][] = [
  ["any object", { kind: "json", schema: { type: "object" }, whitespacePattern: null }],
  ["person, 4 fields", { kind: "json", schema: person, whitespacePattern: null }],
  ["maxLength 20", field({ type: "string", maxLength: 20 })],
  ["maxLength 100", field({ type: "string", maxLength: 100 })],
  ["pattern ^[a-z]{3,10}$", field({ type: "string", pattern: "^[a-z]{3,10}$" })],
  ["format email", field({ type: "string", format: "email" })],
  ["integer 3 to 1000", field({ type: "integer", minimum: 3, maximum: 1000 })],
  [
    "EBNF, arithmetic",
    {
      kind: "ebnf",
      grammar: 'root ::= term (("+" | "-") term)*\nterm ::= [0-9]{1,9} | "(" root ")"',
    },
  ],
];

interface Walker {
  mask(): Promise<Int32Array> | Int32Array;
  accept(id: number): boolean;
  isTerminated(): boolean;
  restart(): Promise<void> | void;
}

/** Milliseconds of each mask on random walks, sorted. The first walks meet every position for the first time. */
async function walkFor(walker: Walker): Promise<number[]> {
  const random = seededRandom(1);
  const times: number[] = [];
  const begin = wallMs();
  for (let step = 0; step < maxSteps && wallMs() - begin < walkLimitMs; step++) {
    const start = cpuMs();
    const mask = await walker.mask();
    times.push(cpuMs() - start);
    const allowed = allowedTokens(mask);
    walker.accept(allowed[Math.floor(random() * allowed.length)]!);
    if (walker.isTerminated() || step % 100 === 99) await walker.restart();
  }
  return times.sort((a, b) => a - b);
}

const show = (ms: number) => (ms < 0.1 ? `${(ms * 1000).toFixed(1)} us` : `${ms.toFixed(2)} ms`);
const at = (times: readonly number[], share: number) =>
  show(times[Math.min(times.length - 1, Math.floor(times.length * share))]!);

const bytes = readTokens();
const vocabulary = {
  vocabSize,
  idToBytes: (id: number) => bytes[id]!,
  isSpecial: (id: number) => id >= vocabSize - specialCount,
};
const heap = () => {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1e6;
};
const before = heap();
let start = cpuMs();
const masks = new TokenMasks(createTokenTrie(vocabulary));
const trieMs = cpuMs() - start;
const trieMb = heap() - before;
const xgrammar = loadXGrammar();
const letters = bytes.map(toByteLetters);
start = cpuMs();
const info = await xgrammar.TokenizerInfo.createTokenizerInfo(
  letters,
  "byte_level",
  false,
  vocabSize,
  [endTokenId],
);
console.log(
  `vocabulary: ours ${show(trieMs)}, ${trieMb.toFixed(0)} MB; xgrammar ${show(cpuMs() - start)}`,
);
const reference = await xgrammar.GrammarCompiler.createGrammarCompiler(info, false);
// What is compiled first pays for the just-in-time compilers of both.
compileSpec(cases[0]![1], 500_000);
await reference.compileJSONSchema("{}");

console.log(
  "| grammar | compile | mask p50 | p99 | largest | memory | xgrammar: compile | mask p50 | p99 | largest |",
);
console.log("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
for (const [name, spec] of cases) {
  start = cpuMs();
  const program = compileSpec(spec, 500_000);
  const compileMs = cpuMs() - start;
  const grammar = createCompiledGrammar(program, masks, 2 ** 26);
  const create = () => grammar.createMatcher({ endTokenIds: [endTokenId] });
  const mask = new Int32Array(masks.wordCount);
  let matcher = create();
  const mine = await walkFor({
    mask: () => {
      matcher.fillMask(mask);
      return mask;
    },
    accept: (id) => matcher.accept(id),
    isTerminated: () => matcher.isTerminated(),
    restart: () => {
      matcher = create();
    },
  });
  start = cpuMs();
  const compiled =
    spec.kind === "json"
      ? await reference.compileJSONSchema(JSON.stringify(spec.schema))
      : await reference.compileGrammar(spec.kind === "ebnf" ? spec.grammar : "");
  const referenceMs = cpuMs() - start;
  const theirs = await xgrammar.GrammarMatcher.createGrammarMatcher(compiled);
  const their = await walkFor({
    mask: () => theirs.getNextTokenBitmask(),
    accept: (id) => theirs.acceptToken(id),
    isTerminated: () => theirs.isTerminated(),
    restart: () => theirs.reset(),
  });
  const memory = `${(grammar.sizeBytes() / 1e6).toFixed(1)} MB`;
  const row = [show(compileMs), at(mine, 0.5), at(mine, 0.99), at(mine, 1), memory];
  const other = [show(referenceMs), at(their, 0.5), at(their, 0.99), at(their, 1)];
  console.log(`| ${[name, ...row, ...other].join(" | ")} |`);
  theirs.dispose();
  compiled.dispose();
}
