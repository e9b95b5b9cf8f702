import {
  createDisaggregation,
  type Disaggregation,
  type DisaggregationOptions,
  type RoomRecord,
} from "@dyn/disagg";
import {
  createLocalEngine,
  createMockEngine,
  type Engine,
  type GenerateRequest,
  type MockEngineOptions,
  MockExecutor,
} from "@dyn/engine";
import { type Collected, collect } from "./collect.ts";
import { drawRoom } from "./make-request.ts";
import { withChecksums } from "./with-checksums.ts";

/** A second, the default, is short for threads that get little time; the prefill half of one that gave up waits for minutes. */
export const patienceMs = 60_000;

export interface PairOptions {
  readonly engine?: MockEngineOptions;
  readonly prefill?: MockEngineOptions;
  readonly decode?: MockEngineOptions;
  readonly transfer?: Partial<DisaggregationOptions>;
  readonly prefillTransfer?: Partial<DisaggregationOptions>;
  readonly decodeTransfer?: Partial<DisaggregationOptions>;
  /** Sides whose engines take checksums as they move KV. */
  readonly checksums?: readonly ("prefill" | "decode")[];
  /** The decode side's. */
  readonly onNotice?: (text: string) => void;
}

/** Two mock engines of this process, each with its transfer thread. */
export class MockPair implements AsyncDisposable {
  readonly prefill: Engine;
  readonly decode: Engine;
  /** What each side said of its rooms, in order. */
  readonly records: Readonly<Record<"prefill" | "decode", readonly RoomRecord[]>>;
  readonly #sides: readonly Disaggregation[];
  readonly bootstrapPort: number;

  private constructor(
    prefill: Engine,
    decode: Engine,
    sides: readonly Disaggregation[],
    records: MockPair["records"],
  ) {
    this.records = records;
    this.prefill = prefill;
    this.decode = decode;
    this.#sides = sides;
    this.bootstrapPort = sides[0]!.bootstrapPort!;
  }

  static async start(options: PairOptions = {}): Promise<MockPair> {
    const records = { prefill: [] as RoomRecord[], decode: [] as RoomRecord[] };
    const start = (mode: "prefill" | "decode", own: Partial<DisaggregationOptions> = {}) =>
      createDisaggregation(
        { connectTimeoutMs: patienceMs, ...options.transfer, ...own, mode },
        {
          ...(mode === "decode" && options.onNotice !== undefined
            ? { onNotice: options.onNotice }
            : {}),
          onRoomEnded: (record) => void records[mode].push(record),
        },
      );
    const sides = await Promise.all([
      start("prefill", options.prefillTransfer),
      start("decode", options.decodeTransfer),
    ]);
    const make = (mode: "prefill" | "decode", { transfer }: Disaggregation) => {
      const own = { vocabSize: 1000, ...options.engine, ...options[mode], kvTransfer: transfer };
      return options.checksums?.includes(mode)
        ? createLocalEngine(withChecksums(new MockExecutor(own)), own)
        : createMockEngine(own);
    };
    const prefill = make("prefill", sides[0]);
    const decode = make("decode", sides[1]);
    return new MockPair(prefill, decode, sides, records);
  }

  halves(request: GenerateRequest, room = drawRoom(), bootstrapPort = this.bootstrapPort) {
    const half = (role: "prefill" | "decode"): GenerateRequest => ({
      ...request,
      disaggregation: { role, bootstrapHost: "127.0.0.1", bootstrapPort, bootstrapRoom: room },
    });
    return { prefill: half("prefill"), decode: half("decode"), room };
  }

  /** Both halves at once. */
  async run(request: GenerateRequest): Promise<{ prefill: Collected[]; decode: Collected[] }> {
    const halves = this.halves(request);
    const [prefill, decode] = await Promise.all([
      collect(this.prefill, halves.prefill),
      collect(this.decode, halves.decode),
    ]);
    return { prefill, decode };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.prefill.close(), this.decode.close()]);
    await Promise.all(this.#sides.map((side) => side.close()));
  }
}
