// Hashing, applying, finding and dumping, beside Dynamo's binding in the same run and in turns, so that what else the machine
// does hits both: node --conditions=@dyn/source --import tsx packages/kv-events/bench/beside-dynamo.ts [venv with ai-dynamo-runtime] [rounds]
// An event counts from its bytes on: MessagePack here, JSON there. Rates are per second of processor time of all threads;
// times of single questions are by the clock unless they say otherwise. Medians of rounds; p50 and p99 are over all samples.
import { spawn } from "node:child_process";
import { openSync, readSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  createBlockHasher,
  decodeRouterEvents,
  encodeRouterEvents,
  KvIndex,
  type RouterEvent,
} from "@dyn/kv-events";

type Samples = Record<string, number[]>;

const hasher = createBlockHasher();
const roundCount = Number(process.argv[3] ?? 7);

function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function clockUs(work: () => void, count: number): number[] {
  return Array.from({ length: count }, () => {
    const beganAt = performance.now();
    work();
    return 1000 * (performance.now() - beganAt);
  });
}

const schedule = openSync(`/proc/self/task/${process.pid}/schedstat`, "r");
const text = Buffer.alloc(128);
/** Time that this thread has been ready to run and had no processor: Linux alone tells. */
function waitedUs(): number {
  const length = readSync(schedule, text, 0, text.length, 0);
  return Number(text.toString("latin1", 0, length).split(" ")[1]) / 1000;
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

function apply(to: KvIndex, payloads: readonly Buffer[]): void {
  for (const payload of payloads) {
    for (const event of decodeRouterEvents(payload)) to.apply(event);
  }
}

const tokens = Uint32Array.from({ length: 60_000 }, (_, i) => (i * 7919) % 150_000);
const path = drawHashes(3750);
const pathNames = hasher.chain(path);
/** Prompts of 60,000 tokens by their block size; 16 is `path`. */
const otherPaths = { 1: drawHashes(60_000), 64: drawHashes(937) } as const;
const counts = { 500: 1_000_000, 1: 200_000 } as const;
const made = { 500: makeEvents(counts[500], 500), 1: makeEvents(counts[1], 1) };
let index = new KvIndex();

function load(perEvent: 500 | 1): Samples {
  index = new KvIndex();
  const ms = cpuMs(() => apply(index, made[perEvent]));
  return {
    [`blocks/s ${perEvent}`]: [counts[perEvent] / (ms / 1000)],
    [`bytes ${perEvent}`]: [index.sizeBytes / counts[perEvent]],
  };
}

/** By the command that has the peer do the same. */
const parts: Record<string, () => Samples> = {
  hash() {
    const samples: Samples = {};
    for (const blockSize of [1, 16, 64]) {
      const repeat = (work: () => void) => {
        const ms = cpuMs(() => {
          for (let i = 0; i < 50; i++) work();
        });
        return [tokens.length / (ms / 50 / 1000)];
      };
      samples[`hash ${blockSize}`] = repeat(() => hasher.hashBlocks(tokens, { blockSize }));
      samples[`hash with chain ${blockSize}`] = repeat(() =>
        hasher.hashTokens(tokens, { blockSize }),
      );
    }
    return samples;
  },
  "load 500": () => load(500),
  dump: () => ({ "dump ms": [cpuMs(() => encodeRouterEvents(index.dump()))] }),
  find() {
    for (let worker = 0; worker < 8; worker++) {
      const stored = { parentHash: null, blockHashes: path, tokensHashes: path };
      index.applyStored(BigInt(worker), 0, stored);
    }
    const found = index.findMatchesByLocal(path);
    if (found.length !== 8 || found.some(({ deviceBlocks }) => deviceBlocks !== 3750)) {
      throw new Error("The prompt is not found.");
    }
    return {
      "find us": clockUs(() => index.findMatchesByLocal(path), 1000),
      "find by known names us": clockUs(() => index.findMatches(pathNames), 1000),
    };
  },
  mixed() {
    const byClock: number[] = [];
    const byCpu: number[] = [];
    const lessWaits: number[] = [];
    for (const payload of makeEvents(200_000, 500)) {
      apply(index, [payload]);
      const waited = waitedUs();
      const beganAt = performance.now();
      byCpu.push(1000 * cpuMs(() => index.findMatchesByLocal(path)));
      const us = 1000 * (performance.now() - beganAt);
      byClock.push(us);
      lessWaits.push(Math.max(0, us - (waitedUs() - waited)));
    }
    return {
      "find among events us": byClock,
      "find among events, less waits for a processor us": lessWaits,
      "find among events, processor us": byCpu,
    };
  },
  "find sizes"() {
    const samples: Samples = {};
    for (const [size, hashes] of Object.entries(otherPaths)) {
      for (let worker = 0; worker < 8; worker++) {
        const stored = { parentHash: null, blockHashes: hashes, tokensHashes: hashes };
        index.applyStored(BigInt(worker), 0, stored);
      }
      samples[`find us, block ${size}`] = clockUs(() => index.findMatchesByLocal(hashes), 100);
    }
    return samples;
  },
  remove() {
    const removed = clockUs(() => index.removeWorker(1n), 1);
    const reclaimed = clockUs(() => index.reclaim(), 1);
    return {
      "remove ms": [removed[0]! / 1000],
      "reclaim after remove ms": [reclaimed[0]! / 1000],
    };
  },
  "load 1": () => load(1),
};

function startPeer(venv: string) {
  const script = fileURLToPath(new URL("./peer.py", import.meta.url));
  const child = spawn(join(venv, "bin/python"), [script], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async ask(command: string): Promise<Samples> {
      child.stdin.write(`${command}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`The peer ended at ${command}.`);
      return JSON.parse(value) as Samples;
    },
    end: () => child.stdin.end(),
  };
}

function collect(into: Map<string, number[]>, samples: Samples): void {
  for (const [name, values] of Object.entries(samples)) {
    into.set(name, [...(into.get(name) ?? []), ...values]);
  }
}

function at(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

const ours = new Map<string, number[]>();
const theirs = new Map<string, number[]>();
const peer = process.argv[2] === undefined ? null : startPeer(process.argv[2]);
for (let round = 0; round < roundCount; round++) {
  for (const [command, work] of Object.entries(parts)) {
    const isOursFirst = round % 2 === 0;
    if (isOursFirst) collect(ours, work());
    if (peer !== null) collect(theirs, await peer.ask(command));
    if (!isOursFirst) collect(ours, work());
  }
}
peer?.end();

// 10 million blocks of 100 workers, nothing shared: the most that a block takes.
index = new KvIndex();
for (let sequence = 0; sequence < 20_000; sequence++) {
  const hashes = drawHashes(500);
  const stored = { parentHash: null, blockHashes: hashes, tokensHashes: hashes };
  index.applyStored(BigInt(sequence % 100), 0, stored);
}
collect(ours, { "bytes at 10 M": [index.sizeBytes / index.blockCount] });

const show = (value: number | undefined) =>
  value === undefined ? "" : value >= 1e5 ? `${(value / 1e6).toFixed(2)} M` : value.toFixed(2);
console.log("| | ours | Dynamo 1.6.1 | times as good | least and most, ours | theirs |");
for (const [name, values] of ours) {
  const shares = values.length > roundCount ? [0.5, 0.99] : [0.5];
  const other = theirs.get(name);
  for (const share of shares) {
    const mine = at(values, share);
    const yours = other === undefined ? undefined : at(other, share);
    const isRate = /^(hash|blocks)/.test(name);
    const ratio = yours === undefined ? "" : (isRate ? mine / yours : yours / mine).toFixed(2);
    const range = (all: number[] | undefined) =>
      shares.length > 1 || all === undefined ? "" : `${show(at(all, 0))} to ${show(at(all, 1))}`;
    const label = shares.length > 1 ? `${name} p${100 * share}` : name;
    console.log(
      `| ${label} | ${show(mine)} | ${show(yours)} | ${ratio} | ${range(values)} | ${range(other)} |`,
    );
  }
}
