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
  readonly #stop = new AbortController();
  readonly #kill = new AbortController();
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
    return this.#stop.signal;
  }

  /** Aborted on kill alone. */
  get killSignal(): AbortSignal {
    return this.#kill.signal;
  }

  get isStopped(): boolean {
    return this.#kind !== null;
  }

  get isKilled(): boolean {
    return this.#kind === "kill";
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
    const reason = new CancelledError();
    this.#stop.abort(reason);
    if (kind === "kill") this.#kill.abort(reason);
    for (const child of this.#children) child.#cancel(kind);
  }
}
