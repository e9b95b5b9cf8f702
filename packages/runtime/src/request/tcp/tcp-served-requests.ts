// One endpoint of a worker on the TCP plane: runs its handler per request and sends what it yields.
import { UnavailableError } from "@dyn/protocol";
import type { AdmissionGate, AdmissionPlace } from "../../admission/admission-gate.ts";
import type { PayloadCodec } from "../../codec/payload-codec.ts";
import { pause } from "../../discovery/pause.ts";
import type { AnswerSender } from "../answer/answer-sender.ts";
import type { MuxDialer } from "../mux/mux-dialer.ts";
import { RequestContext } from "../request-context.ts";
import type { RequestObserver } from "../request-observer.ts";
import type { RequestHandler, ServedRequests } from "../request-plane.ts";
import { RunningRequests } from "../running-requests.ts";
import type { TraceContext } from "../trace-context.ts";
import { wrongInput } from "../wrong-input.ts";
import { acknowledgements } from "./acknowledgement.ts";
import type { ControlMessage } from "./control-message.ts";
import { RequestStream } from "./request-stream.ts";
import { ResponseSender, type ResponseSenderOptions } from "./response-sender.ts";
import type { SocketSecurity } from "./socket-security.ts";

/** How long a caller may take to close its side behind the end marker (Dynamo 1.6.1). */
const closeTimeoutMs = 10_000;
const firstRedialMs = 100;
const longestRedialMs = 2_000;

export interface TcpServedRequestsOptions {
  readonly transport: Readonly<Record<string, string>>;
  readonly handler: RequestHandler;
  readonly admission?: AdmissionGate | undefined;
  readonly observer?: RequestObserver | undefined;
  /** What the handler's request is. Default one. */
  readonly input?: "one" | "many" | undefined;
  /** How items stand on a connection of their own. Default annotated. */
  readonly items?: "annotated" | "bare" | undefined;
  readonly codecs: Readonly<Record<string, PayloadCodec>>;
  readonly connectTimeoutMs: number;
  /** For the connections to callers. Default plain. */
  readonly security?: SocketSecurity | null;
  /** For callers that offer it; default none: a connection for each answer. */
  readonly mux?: MuxDialer | null;
  /** An answer that could not be given. */
  readonly onProblem?: (message: string, error: unknown) => void;
  /** From now on the path is unknown to callers. */
  readonly onRefuse: () => void;
}

interface Outcome {
  error: unknown;
  isCancelled: boolean;
  sentBytes: number;
}

export class TcpServedRequests implements ServedRequests {
  readonly transport: Readonly<Record<string, string>>;
  readonly #options: TcpServedRequestsOptions;
  readonly #running = new RunningRequests();

  constructor(options: TcpServedRequestsOptions) {
    this.transport = options.transport;
    this.#options = options;
  }

  get inflightCount(): number {
    return this.#running.count;
  }

  refuse(): void {
    this.#options.onRefuse();
  }

  idle(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#running.idle(options.signal);
  }

  async close(): Promise<void> {
    this.refuse();
    this.#running.killAll();
    await this.idle();
  }

  /**
   * Answers one request and gives its acknowledgement: taken, or refused for load. One that waits is taken too, and calls
   * home when its turn comes. Never throws: whatever goes wrong reaches the caller if it can be reached.
   */
  run(control: ControlMessage, body: Buffer, trace: TraceContext | null = null): string {
    const { admission, observer } = this.#options;
    const place = admission === undefined ? null : admission.enter();
    if (admission !== undefined && place === null) return acknowledgements.overloaded;
    const context = new RequestContext({ id: control.id, metadata: control.metadata, trace });
    this.#running.add(context);
    const observe = observer?.begun(context, body.length);
    const outcome: Outcome = { error: null, isCancelled: false, sentBytes: 0 };
    const ended = () => {
      place?.leave();
      this.#running.delete(context);
      observe?.(outcome);
    };
    this.#answer(control, body, context, place, outcome).then(ended, (error) => {
      if (outcome.isCancelled || context.isStopped) outcome.isCancelled = true;
      else outcome.error = error;
      ended();
      if (outcome.isCancelled) return;
      this.#options.onProblem?.(`Request ${control.id} could not be answered.`, error);
    });
    return acknowledgements.accepted;
  }

  async #answer(
    control: ControlMessage,
    body: Buffer,
    context: RequestContext,
    place: AdmissionPlace | null,
    outcome: Outcome,
  ): Promise<void> {
    if (place !== null) await this.#turn(place, control, context);
    const codec = this.#options.codecs[control.codec]!;
    const sender = await this.#openSender(control, codec, context);
    // Stop and kill both close the response at once (Dynamo 1.6.1).
    const abandon = () => sender.destroy();
    context.signal.addEventListener("abort", abandon, { once: true });
    if (context.isStopped) abandon();
    let items: RequestStream | null = null;
    try {
      let request: unknown;
      try {
        items = await this.#openItems(control, body, codec, context);
        request = items ?? decodeBody(codec, body);
      } catch (error) {
        outcome.error = error;
        if (!context.isStopped) await sender.prologue(error);
        return;
      }
      await sender.prologue();
      // Nobody waits any more: the handler is not even asked.
      if (context.isStopped) return;
      try {
        for await (const item of this.#options.handler(request, context)) {
          if (context.isStopped) return;
          const ready = sender.item(item);
          if (ready !== undefined) await ready;
        }
      } catch (error) {
        outcome.error = error;
        if (!context.isStopped) await sender.fail(error);
        return;
      }
      if (!context.isStopped) await sender.end();
    } finally {
      context.signal.removeEventListener("abort", abandon);
      outcome.isCancelled = context.isStopped;
      if (outcome.isCancelled) outcome.error = null;
      outcome.sentBytes = sender.sentBytes;
      items?.close();
      context.kill();
    }
  }

  async #turn(
    place: AdmissionPlace,
    control: ControlMessage,
    context: RequestContext,
  ): Promise<void> {
    const { mux } = this.#options;
    const turn = place.turn(context.signal);
    if (mux == null || control.mux === undefined) await turn;
    else await mux.whileWaiting(control.response.subject, turn, () => context.kill());
  }

  async #openSender(
    control: ControlMessage,
    codec: PayloadCodec,
    context: RequestContext,
  ): Promise<AnswerSender> {
    const { mux, connectTimeoutMs, items, security = null } = this.#options;
    const target = control.response;
    const onCancel = (kind: "stop" | "kill") => (kind === "kill" ? context.kill() : context.stop());
    if (control.mux !== undefined) {
      const offer = control.mux;
      const sender = await mux?.openStream({ target, offer, codec, onCancel });
      if (sender != null) return sender;
    }
    return dialPatiently({
      target,
      codec,
      isBare: items === "bare",
      connectTimeoutMs,
      security,
      signal: context.signal,
      closeTimeoutMs,
      onCancel,
    });
  }

  /** `null`: the request is its body. A caller of many that also sends a body may be served as one (Dynamo 1.6.1). */
  async #openItems(
    control: ControlMessage,
    body: Buffer,
    codec: PayloadCodec,
    context: RequestContext,
  ): Promise<RequestStream | null> {
    const { input = "one", connectTimeoutMs, security = null } = this.#options;
    const target = control.requestStream;
    if (input === "one") {
      if (body.length > 0 || target === null) return null;
      throw wrongInput("one");
    }
    if (target === null) {
      throw wrongInput("many");
    }
    const { signal } = context;
    return RequestStream.dial({ target, connectTimeoutMs, security, signal }, codec);
  }
}

/** The caller waits for this one alone: a dial that fails is tried again, three times. */
async function dialPatiently(options: ResponseSenderOptions): Promise<ResponseSender> {
  for (let pauseMs = firstRedialMs; ; pauseMs *= 4) {
    try {
      return await ResponseSender.dial(options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (pauseMs > longestRedialMs) throw error;
      await pause(pauseMs, options.signal);
    }
  }
}

function decodeBody(codec: PayloadCodec, body: Buffer): unknown {
  try {
    return codec.decode(body);
  } catch (error) {
    throw new UnavailableError("The body of the request cannot be decoded.", { cause: error });
  }
}
