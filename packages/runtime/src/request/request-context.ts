import { randomUUID } from "node:crypto";
import { CancelledError } from "@dyn/protocol";
import type { TraceContext } from "./trace-context.ts";

export type CancelKind = "stop" | "kill";

/**
 * The life of one request in one process: its id, its end, its children.
 * `stop` = finish quietly, what was produced counts; `kill` = abandon now. Kill implies stop.
 * Children inherit both.
 */
export class RequestContext {
  readonly id: string;
  /** Free text pairs that travel with the request. */
  readonly metadata: Readonly<Record<string, string>>;
  /** `null`: nobody traces it. */
  readonly trace: TraceContext | null;
  /** Made when somebody asks: most requests come to their end unasked, and a signal is dear. */
  #stop: AbortController | null = null;
  #kill: AbortController | null = null;
  #reason: CancelledError | null = null;
  readonly #listeners = new Set<(kind: CancelKind) => void>();
  readonly #children = new Set<RequestContext>();
  #kind: CancelKind | null = null;

  constructor(
    options: {
      readonly id?: string;
      readonly metadata?: Readonly<Record<string, string>>;
      readonly trace?: TraceContext | null;
    } = {},
  ) {
    this.id = options.id ?? randomUUID();
    this.metadata = options.metadata ?? {};
    this.trace = options.trace ?? null;
  }

  /** Aborted on stop and on kill; the reason is a CancelledError. */
  get signal(): AbortSignal {
    if (this.#stop === null) {
      this.#stop = new AbortController();
      if (this.#kind !== null) this.#stop.abort(this.reason);
    }
    return this.#stop.signal;
  }

  /** Aborted on kill alone. */
  get killSignal(): AbortSignal {
    if (this.#kill === null) {
      this.#kill = new AbortController();
      if (this.#kind === "kill") this.#kill.abort(this.reason);
    }
    return this.#kill.signal;
  }

  /** What the signals are aborted with. */
  get reason(): CancelledError {
    this.#reason ??= new CancelledError();
    return this.#reason;
  }

  get isStopped(): boolean {
    return this.#kind !== null;
  }

  get isKilled(): boolean {
    return this.#kind === "kill";
  }

  /** As the signals, without their price: calls back at a stop, and at a kill. Not for what has happened already. */
  onCancel(listener: (kind: CancelKind) => void): void {
    this.#listeners.add(listener);
  }

  offCancel(listener: (kind: CancelKind) => void): void {
    this.#listeners.delete(listener);
  }

  stop(): void {
    this.#cancel("stop");
  }

  kill(): void {
    this.#cancel("kill");
  }

  /** A request made on behalf of this one; `release` unlinks it when it is over. */
  createChild(options: { readonly id?: string } = {}): RequestContext & { release(): void } {
    const child = Object.assign(
      new RequestContext({ id: options.id ?? this.id, metadata: this.metadata, trace: this.trace }),
      { release: () => void this.#children.delete(child) },
    );
    if (this.#kind === null) this.#children.add(child);
    else child.#cancel(this.#kind);
    return child;
  }

  #cancel(kind: CancelKind): void {
    if (this.#kind === "kill" || this.#kind === kind) return;
    this.#kind = kind;
    this.#stop?.abort(this.reason);
    if (kind === "kill") this.#kill?.abort(this.reason);
    for (const listener of this.#listeners) listener(kind);
    for (const child of this.#children) child.#cancel(kind);
  }
}
