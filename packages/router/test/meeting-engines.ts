// Engines that meet in rooms of this process, in place of real hand-over: the prefill side computes the prompt and waits
// until the decode side has come; the decode side waits for it, and computes the same itself instead of receiving it.
import type { Engine, GenerateOutput, GenerateRequest, RequestDisaggregation } from "@dyn/engine";
import { DynError, UnavailableError } from "@dyn/protocol";

interface Room {
  readonly prefilled: PromiseWithReason;
  readonly taken: PromiseWithReason;
}

class PromiseWithReason {
  resolve: () => void = () => {};
  reject: (reason: unknown) => void = () => {};
  readonly promise = new Promise<void>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
  constructor() {
    this.promise.catch(() => {});
  }
}

export const lostHandOver = () =>
  new UnavailableError("The prefill side is gone.", { code: "DYN_DISAGG_TRANSFER_FAILED" });

export class MeetingPlace {
  readonly #rooms = new Map<string, Room>();
  /** What engines were asked, in order. */
  readonly asked: RequestDisaggregation[] = [];
  /** Prefills stop before they hand over until it resolves. */
  hold: Promise<void> | null = null;

  get openRooms(): number {
    return this.#rooms.size;
  }

  prefillEngine(inner: Engine, port: number): Engine {
    return this.#wrap(inner, "prefill", port);
  }

  decodeEngine(inner: Engine): Engine {
    return this.#wrap(inner, "decode", null);
  }

  #wrap(inner: Engine, mode: "prefill" | "decode", port: number | null): Engine {
    const info = {
      ...inner.info,
      disaggregation: {
        mode,
        bootstrapHost: port === null ? null : "127.0.0.1",
        bootstrapPort: port,
        transports: [],
      },
    };
    const generate: Engine["generate"] = (request, options = {}) => {
      const half = request.disaggregation;
      const whole = { ...request, disaggregation: null };
      if (half == null) return inner.generate(whole, options);
      this.asked.push(half);
      return half.role === "prefill"
        ? this.#prefill(inner, whole, half, options.signal)
        : this.#decode(inner, whole, half, options.signal);
    };
    return new Proxy(inner, {
      get: (target, name) => {
        if (name === "info") return info;
        if (name === "generate") return generate;
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  async *#prefill(
    inner: Engine,
    request: GenerateRequest,
    half: RequestDisaggregation,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<GenerateOutput> {
    const room = this.#room(half);
    const leave = () => {
      room.prefilled.reject(lostHandOver());
      room.taken.reject(new Error("left"));
    };
    signal?.addEventListener("abort", leave);
    try {
      const outputs: GenerateOutput[] = [];
      for await (const output of inner.generate(request, signal ? { signal } : {})) {
        outputs.push(output);
      }
      if (this.hold !== null) await Promise.race([this.hold, room.taken.promise]);
      room.prefilled.resolve();
      await room.taken.promise.catch(() => {});
      if (!signal?.aborted) yield* outputs;
    } finally {
      leave();
      signal?.removeEventListener("abort", leave);
      this.#rooms.delete(keyOf(half));
    }
  }

  async *#decode(
    inner: Engine,
    request: GenerateRequest,
    half: RequestDisaggregation,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<GenerateOutput> {
    const room = this.#room(half);
    const aborted = new PromiseWithReason();
    const abort = () => aborted.reject(new DynError("aborted", { code: "TEST", status: 499 }));
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    try {
      await Promise.race([room.prefilled.promise, aborted.promise]);
      room.taken.resolve();
      yield* inner.generate(request, signal ? { signal } : {});
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#rooms.delete(keyOf(half));
    }
  }

  #room(half: RequestDisaggregation): Room {
    const key = keyOf(half);
    const room = this.#rooms.get(key) ?? {
      prefilled: new PromiseWithReason(),
      taken: new PromiseWithReason(),
    };
    this.#rooms.set(key, room);
    return room;
  }
}

function keyOf({ bootstrapHost, bootstrapPort, bootstrapRoom }: RequestDisaggregation): string {
  return `${bootstrapHost}:${bootstrapPort}:${bootstrapRoom}`;
}
