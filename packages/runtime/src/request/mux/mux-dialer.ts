// A worker's shared response connections, one per calling process. A caller that cannot be reached this way is
// answered over one connection per request for a while.
import { msgpackCodec } from "../../codec/msgpack-codec.ts";
import type { PayloadCodec } from "../../codec/payload-codec.ts";
import type { CallHomeTarget, MuxOffer } from "../tcp/control-message.ts";
import type { SocketSecurity } from "../tcp/socket-security.ts";
import { MuxLink } from "./mux-link.ts";
import type { MuxSender } from "./mux-sender.ts";

/** Calling processes that are connected or remembered; those beyond are answered one connection per request. */
const maxLinks = 1024;
/** How long a caller is not tried again after a failure. */
const retryAfterMs = 5_000;

export interface MuxDialerOptions {
  readonly security: SocketSecurity | null;
  /** From the first dial to the caller's greeting; then the fallback. Default 1 000. */
  readonly connectTimeoutMs?: number;
  /** A dead caller is noticed within three of these. Default 10 000. */
  readonly keepAliveMs?: number;
  /** Default 300 000. */
  readonly idleTimeoutMs?: number;
  readonly onProblem?: (message: string, error: unknown) => void;
}

export class MuxDialer {
  readonly #options: MuxDialerOptions;
  /** `null`: could not be reached, answered otherwise until forgotten. */
  readonly #links = new Map<string, Promise<MuxLink | null>>();
  /** What to do when a caller withdraws a request that waits for its turn, by subject. Bounded by the queue. */
  readonly #waiting = new Map<string, () => void>();
  #isClosed = false;

  constructor(options: MuxDialerOptions) {
    this.#options = options;
  }

  /** `null`: answer this request over a connection of its own. */
  async openStream(options: {
    readonly target: CallHomeTarget;
    readonly offer: MuxOffer;
    readonly codec: PayloadCodec;
    readonly onCancel: (kind: "stop" | "kill") => void;
  }): Promise<MuxSender | null> {
    const { target, offer, codec, onCancel } = options;
    const link = await this.#link(target, offer.callerId);
    if (link === null || !link.isUsable) return null;
    return link.openStream({ subject: target.subject, codec, window: offer.window, onCancel });
  }

  /** Resolves or rejects as `turn` does; `onWithdrawn` runs if the caller withdraws the request meanwhile. */
  async whileWaiting<T>(subject: string, turn: Promise<T>, onWithdrawn: () => void): Promise<T> {
    this.#waiting.set(subject, onWithdrawn);
    try {
      return await turn;
    } finally {
      this.#waiting.delete(subject);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const links = await Promise.all(this.#links.values());
    this.#links.clear();
    for (const link of links) link?.close();
  }

  /**
   * A connection that broke may have taken along what its caller has not read: it would wait for answers of which it
   * heard nothing. Told once; a caller that is gone is not told.
   */
  async #tellLost(
    target: Pick<CallHomeTarget, "host" | "port">,
    callerId: string,
    subjects: readonly string[],
  ): Promise<void> {
    if (subjects.length === 0 || this.#isClosed) return;
    const link = await this.#link(target, callerId);
    if (link === null || !link.isUsable) return;
    for (const subject of subjects) link.tellLost(subject, msgpackCodec);
  }

  #link(
    { host, port }: Pick<CallHomeTarget, "host" | "port">,
    callerId: string,
  ): Promise<MuxLink | null> | null {
    const key = `${callerId} ${host}:${port}`;
    const known = this.#links.get(key);
    if (known !== undefined) return known;
    if (this.#isClosed || this.#links.size >= maxLinks) return null;
    const forget = () => {
      if (this.#links.get(key) === link) this.#links.delete(key);
    };
    const { security, onProblem } = this.#options;
    const link: Promise<MuxLink | null> = MuxLink.dial({
      host,
      port,
      callerId,
      security,
      connectTimeoutMs: this.#options.connectTimeoutMs ?? 1_000,
      keepAliveMs: this.#options.keepAliveMs ?? 10_000,
      idleTimeoutMs: this.#options.idleTimeoutMs ?? 300_000,
      onWithdraw: (subject) => this.#waiting.get(subject)?.(),
      onClose: (error, lost) => {
        forget();
        void this.#tellLost({ host, port }, callerId, lost);
        if (error !== null)
          onProblem?.(`A response connection was given up: ${error.message}`, error);
      },
    }).catch((error) => {
      onProblem?.(
        `No shared response connection to ${host}:${port}; it gets one per request for ${retryAfterMs} ms.`,
        error,
      );
      setTimeout(forget, retryAfterMs).unref();
      return null;
    });
    this.#links.set(key, link);
    return link;
  }
}
