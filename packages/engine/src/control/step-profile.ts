// What a profile of an engine is made of: a span per step and part of it, and the functions that the thread was in.
// Written in Chrome's trace format, which its viewer and Perfetto open.
import { mkdir, stat, writeFile } from "node:fs/promises";
import { Session } from "node:inspector/promises";
import { dirname, join } from "node:path";
import { threadId } from "node:worker_threads";
import type { ProfileOptions } from "../contract/engine-control.ts";
import { alreadyProfiling, notProfiling } from "./control-errors.ts";

/** Spans kept; those of later steps are counted and not kept. 40 bytes each in memory, 150 in the file. */
const maxSpans = 400_000;
/** Of the thread's stack. */
const sampleIntervalUs = 1_000;

interface Span {
  readonly name: string;
  readonly category: "scheduler" | "executor" | "sampler";
  readonly startUs: number;
  readonly endUs: number;
  readonly args: Readonly<Record<string, number | string>>;
}

export interface ProfiledStep {
  readonly kind: "prefill" | "decode";
  readonly rows: number;
  readonly tokens: number;
  /** From `nowUs`: when planning began and ended, when the executor was done, when outputs were out. */
  readonly planUs: number;
  readonly startUs: number;
  readonly computedUs: number;
  readonly endUs: number;
}

export class StepProfile {
  readonly #options: ProfileOptions;
  readonly #session: Session | null;
  readonly #spans: Span[] = [];
  #stepCount = 0;
  #droppedCount = 0;
  #written: Promise<readonly string[]> | null = null;

  private constructor(options: ProfileOptions, session: Session | null) {
    this.#options = options;
    this.#session = session;
  }

  static async start(current: StepProfile | null, options: ProfileOptions): Promise<StepProfile> {
    if (current !== null && current.#written === null) throw alreadyProfiling();
    await makeDirectory(options.directory);
    if (!options.hasCpu) return new StepProfile(options, null);
    const session = new Session();
    session.connect();
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: sampleIntervalUs });
    await session.post("Profiler.start");
    return new StepProfile(options, session);
  }

  static require(current: StepProfile | null): StepProfile {
    if (current === null) throw notProfiling();
    return current;
  }

  /** The clock of V8's samples. */
  static nowUs(): number {
    return Number(process.hrtime.bigint() / 1000n);
  }

  /** Ends the profile by itself when it has its steps. */
  add(step: ProfiledStep): void {
    const { startStep, stepCount } = this.#options;
    const number = this.#stepCount++;
    if (this.#written !== null || number < startStep) return;
    const { kind, rows, tokens, planUs, startUs, computedUs, endUs } = step;
    const args = { step: number, kind, rows, tokens };
    this.#push({ name: "plan", category: "scheduler", startUs: planUs, endUs: startUs, args });
    this.#push({ name: kind, category: "executor", startUs, endUs: computedUs, args });
    this.#push({ name: "sample", category: "sampler", startUs: computedUs, endUs, args });
    if (stepCount !== null && number + 1 >= startStep + stepCount) {
      // Whoever stops it hears of what went wrong.
      this.stop().catch(() => {});
    }
  }

  /** The files that were written: the trace, and the CPU profile by itself for V8's own viewers. */
  stop(): Promise<readonly string[]> {
    this.#written ??= this.#write();
    return this.#written;
  }

  #push(span: Span): void {
    if (this.#spans.length < maxSpans) this.#spans.push(span);
    else this.#droppedCount++;
  }

  async #write(): Promise<readonly string[]> {
    const { directory, name } = this.#options;
    const cpu = await this.#stopCpu();
    const track = { pid: process.pid, tid: threadId };
    const label = (what: string, value: string) => ({
      ...track,
      ph: "M",
      name: what,
      args: { name: value },
    });
    const events: object[] = [
      label("process_name", "dyn worker"),
      label("thread_name", "engine"),
      ...this.#spans.map(({ name: span, category: cat, startUs, endUs, args }) => ({
        ...track,
        ph: "X",
        name: span,
        cat,
        ts: startUs,
        dur: endUs - startUs,
        args,
      })),
    ];
    if (cpu !== null) {
      const sampled = { ...track, cat: "disabled-by-default-v8.cpu_profiler", id: "0x1" };
      const { nodes, samples = [], timeDeltas = [], startTime, endTime } = cpu;
      const data = { startTime };
      events.push({ ...sampled, ph: "P", name: "Profile", ts: startTime, args: { data } });
      const chunk = {
        cpuProfile: { nodes: withParents(nodes), samples },
        timeDeltas,
        endTime,
      };
      events.push({
        ...sampled,
        ph: "P",
        name: "ProfileChunk",
        ts: endTime,
        args: { data: chunk },
      });
    }
    const trace = join(directory, `${name}.trace.json`);
    const otherData = { droppedSpans: this.#droppedCount };
    await writeFile(
      trace,
      JSON.stringify({ traceEvents: events, displayTimeUnit: "ms", otherData }),
    );
    if (cpu === null) return [trace];
    const samples = join(directory, `${name}.cpuprofile`);
    await writeFile(samples, JSON.stringify(cpu));
    return [trace, samples];
  }

  async #stopCpu() {
    if (this.#session === null) return null;
    const { profile } = await this.#session.post("Profiler.stop");
    this.#session.disconnect();
    return profile;
  }
}

/**
 * With the directories above it. Not by mkdir's own `recursive`, which never ends where the system answers that a parent is
 * missing that is there, as below /proc.
 */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path) throw error;
    await makeDirectory(parent);
    await mkdir(path);
  }
}

/** In a trace a node names its parent; in a profile of the inspector its children. */
function withParents<Node extends { id: number; children?: number[] | undefined }>(
  nodes: readonly Node[],
) {
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  return nodes.map(({ children: _, ...node }) => {
    const parent = parents.get(node.id);
    return parent === undefined ? node : { ...node, parent };
  });
}
