// Hashing, applying, finding and dumping, beside Dynamo's binding in the same run:
// node --conditions=@dyn/source --import tsx packages/kv-events/bench/beside-dynamo.ts [venv with ai-dynamo-runtime]
// An event counts from its bytes on: MessagePack here, JSON there. Rates are per second of processor time of all threads,
// so that other work on the machine counts less; times of single questions are by the clock.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  createBlockHasher,
  decodeRouterEvents,
  encodeRouterEvents,
  KvIndex,
  type RouterEvent,
} from "@dyn/kv-events";

const hasher = createBlockHasher();
const figures = new Map<string, number>();

function at(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/** Milliseconds of processor time of each run, sorted; `repeats` runs make one figure. */
function measureCpu(work: () => void, count: number, repeats = 1): number[] {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const before = process.cpuUsage();
    for (let j = 0; j < repeats; j++) work();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000 / repeats);
  }
  return times.sort((a, b) => a - b);
}

/** Milliseconds by the clock of each run, sorted. */
function measure(work: () => void, count: number): number[] {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const beganAt = performance.now();
    work();
    times.push(performance.now() - beganAt);
  }
  return times.sort((a, b) => a - b);
}

let state = 7;
/** xorshift32: the same numbers in every run. */
function draw(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

function drawHashes(count: number): BigUint64Array {
  const hashes = new BigUint64Array(count);
  const words = new Uint32Array(hashes.buffer);
  for (let i = 0; i < words.length; i++) words[i] = draw();
  return hashes;
}

/** Payloads of the event plane that store sequences of 500 blocks at 8 workers. */
function makeEvents(blockCount: number, perEvent: number): Buffer[] {
  const payloads: Buffer[] = [];
  for (let sequence = 0; sequence < blockCount / 500; sequence++) {
    const tokensHashes = drawHashes(500);
    const ids = drawHashes(500);
    for (let i = 0; i < 500; i += perEvent) {
      const event: RouterEvent = {
        workerId: BigInt(sequence % 8),
        dpRank: 0,
        storageTier: "device",
        eventId: payloads.length + 1,
        data: {
          type: "stored",
          parentHash: i === 0 ? null : ids[i - 1]!,
          blockHashes: ids.subarray(i, i + perEvent),
          tokensHashes: tokensHashes.subarray(i, i + perEvent),
        },
      };
      payloads.push(encodeRouterEvents([event]));
    }
  }
  return payloads;
}

function load(index: KvIndex, payloads: readonly Buffer[]): void {
  for (const payload of payloads) {
    for (const event of decodeRouterEvents(payload)) index.apply(event);
  }
}

const tokens = Uint32Array.from({ length: 60_000 }, (_, i) => (i * 7919) % 150_000);
for (const blockSize of [1, 16, 64]) {
  const local = at(
    measure(() => hasher.hashBlocks(tokens, { blockSize }), 100),
    0.5,
  );
  const both = at(
    measure(() => hasher.hashTokens(tokens, { blockSize }), 100),
    0.5,
  );
  figures.set(`hash ${blockSize}`, tokens.length / (local / 1000));
  figures.set(`hash with chain ${blockSize}`, tokens.length / (both / 1000));
}

for (const [perEvent, blockCount] of [
  [500, 1_000_000],
  [1, 200_000],
] as const) {
  const payloads = makeEvents(blockCount, perEvent);
  let index = new KvIndex();
  const times = measureCpu(() => {
    index = new KvIndex();
    load(index, payloads);
  }, 5);
  figures.set(`blocks/s ${perEvent}`, blockCount / (at(times, 0.5) / 1000));
  figures.set(`bytes ${perEvent}`, index.sizeBytes / blockCount);
  if (perEvent === 1) continue;
  const dumped = at(
    measureCpu(() => encodeRouterEvents(index.dump()), 5),
    0.5,
  );
  figures.set("dump ms", dumped);
  const path = drawHashes(3750);
  for (let worker = 0; worker < 8; worker++) {
    const stored = { parentHash: null, blockHashes: path, tokensHashes: path };
    index.applyStored(BigInt(worker), 0, stored);
  }
  const named = hasher.chain(path);
  const found = index.findMatchesByLocal(path);
  if (found.length !== 8 || found.some(({ deviceBlocks }) => deviceBlocks !== 3750)) {
    throw new Error("The prompt is not found.");
  }
  const finds = measure(() => index.findMatchesByLocal(path), 3000);
  figures.set("find us", 1000 * at(finds, 0.5));
  figures.set("find p99 us", 1000 * at(finds, 0.99));
  figures.set(
    "find walk us",
    1000 *
      at(
        measure(() => index.findMatches(named), 3000),
        0.5,
      ),
  );
  const mixed: number[] = [];
  for (const payload of makeEvents(200_000, 500)) {
    load(index, [payload]);
    const beganAt = performance.now();
    index.findMatchesByLocal(path);
    mixed.push(1000 * (performance.now() - beganAt));
  }
  mixed.sort((a, b) => a - b);
  figures.set("find among events p50 us", at(mixed, 0.5));
  figures.set("find among events p99 us", at(mixed, 0.99));
  const removed = measure(() => index.removeWorker(1n), 1)[0]!;
  figures.set("remove ms", removed);
  figures.set("reclaim after remove ms", measure(() => index.reclaim(), 1)[0]!);
}

// 10 million blocks of 100 workers, nothing shared: the most that a block takes.
const large = new KvIndex();
for (let sequence = 0; sequence < 20_000; sequence++) {
  const hashes = drawHashes(500);
  const stored = { parentHash: null, blockHashes: hashes, tokensHashes: hashes };
  large.applyStored(BigInt(sequence % 100), 0, stored);
}
figures.set("bytes at 10 M", large.sizeBytes / large.blockCount);

const peerFigures = new Map<string, number>();
const venv = process.argv[2];
if (venv !== undefined) {
  const script = fileURLToPath(new URL("./peer.py", import.meta.url));
  const { stdout, stderr, status } = spawnSync(join(venv, "bin/python"), [script], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`The peer failed: ${stderr}`);
  for (const line of stdout.split("\n").filter((line) => line.startsWith("{"))) {
    const { name, value } = JSON.parse(line) as { name: string; value: number };
    peerFigures.set(name, value);
  }
}

const show = (value: number | undefined) =>
  value === undefined ? "" : value >= 1e5 ? `${(value / 1e6).toFixed(2)} M` : value.toFixed(2);
console.log("| | ours | Dynamo 1.6.1 | times as good |");
for (const [name, ours] of figures) {
  const peer = peerFigures.get(name);
  const isRate = /^(hash|blocks)/.test(name);
  const ratio = peer === undefined ? "" : (isRate ? ours / peer : peer / ours).toFixed(2);
  console.log(`| ${name} | ${show(ours)} | ${show(peer)} | ${ratio} |`);
}
