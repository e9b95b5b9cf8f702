import {
  createDisaggregation,
  type Disaggregation,
  type DisaggregationOptions,
  type RoomRecord,
} from "@dyn/disagg";
import {
  createMockEngine,
  type Engine,
  type GenerateRequest,
  type MockEngineOptions,
} from "@dyn/engine";
import { type Collected, collect } from "./collect.ts";
import { drawRoom } from "./make-request.ts";

export interface PairOptions {
  readonly engine?: MockEngineOptions;
  readonly prefill?: MockEngineOptions;
  readonly decode?: MockEngineOptions;
  readonly transfer?: Partial<DisaggregationOptions>;
  readonly prefillTransfer?: Partial<DisaggregationOptions>;
  readonly decodeTransfer?: Partial<DisaggregationOptions>;
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
        { ...options.transfer, ...own, mode },
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
    const engine = { vocabSize: 1000, ...options.engine };
    const prefill = createMockEngine({
      ...engine,
      ...options.prefill,
      kvTransfer: sides[0].transfer,
    });
    const decode = createMockEngine({
      ...engine,
      ...options.decode,
      kvTransfer: sides[1].transfer,
    });
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
