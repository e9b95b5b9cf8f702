// The caller's listener: workers dial it and say which request they answer, or greet and answer many over one connection.
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { UnavailableError } from "@dyn/protocol";
import { ByteQueue } from "../../codec/byte-queue.ts";
import { readTwoPartLengths, twoPartHeadBytes } from "../../codec/two-part-message.ts";
import type { Answer } from "../answer/answer.ts";
import { brokenAnswer } from "../answer/broken-answer.ts";
import {
  decodeGreeting,
  encodeGreeting,
  greetingBytes,
  looksLikeGreeting,
} from "../mux/mux-frame.ts";
import { type ExpectedAnswer, MuxReceiver } from "../mux/mux-receiver.ts";
import type { MuxOffer } from "./control-message.ts";
import type { RequestFeed } from "./request-stream.ts";
import { ResponseReceiver } from "./response-receiver.ts";
import { looksLikeTls, type SocketSecurity } from "./socket-security.ts";
import { SocketServer } from "./socket-server.ts";

/** A worker that has dialled and says nothing is cut off. */
const handshakeTimeoutMs = 10_000;
const maxHandshakeBytes = 16 * 1024;
const maxSilent = 1024;
const defaultMuxWindow = 64 * 1024;
/** Twice and more of what a process may stall on a busy machine. */
export const defaultPeerTimeoutMs = 5_000;

export interface CallHomeServerOptions {
  readonly host: string;
  readonly port: number;
  readonly security?: SocketSecurity | null;
  /** A worker that answers over a shared connection and says nothing for so long is given up. Default 5 000. */
  readonly peerTimeoutMs?: number;
  /** Weight of items that one stream of a shared connection may have under way and unread. Default 65 536. */
  readonly muxWindow?: number;
  readonly onProblem?: (message: string, error: unknown) => void;
}

export class CallHomeServer {
  /** What workers that can are asked to answer over one connection with. */
  readonly muxOffer: MuxOffer;
  readonly #expected = new Map<string, ExpectedAnswer>();
  readonly #workers = new Set<MuxReceiver>();
  readonly #feeds = new Map<string, RequestFeed>();
  readonly #answers = new Set<Answer>();
  readonly #peerTimeoutMs: number;
  readonly #onProblem: (message: string, error: unknown) => void;
  #server: SocketServer | null = null;

  private constructor(options: CallHomeServerOptions) {
    this.#onProblem = options.onProblem ?? (() => {});
    this.#peerTimeoutMs = options.peerTimeoutMs ?? defaultPeerTimeoutMs;
    this.muxOffer = { callerId: randomUUID(), window: options.muxWindow ?? defaultMuxWindow };
  }

  static async listen(options: CallHomeServerOptions): Promise<CallHomeServer> {
    const callHome = new CallHomeServer(options);
    callHome.#server = await SocketServer.listen({
      purpose: "answers",
      host: options.host,
      port: options.port,
      security: options.security ?? null,
      maxSilent,
      onSocket: (socket) => callHome.#accept(socket),
      onProblem: callHome.#onProblem,
    });
    return callHome;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  /** Must be called before the request is sent: the worker may call before it acknowledges. */
  expect(subject: string, expected: ExpectedAnswer): void {
    this.#expected.set(subject, expected);
    this.#answers.add(expected.answer);
  }

  /**
   * The request is over. A worker that has not begun to answer is told over its shared connection, if it has one;
   * one that calls later is turned away. Either cancels its work.
   */
  forget(subject: string, answer: Answer): void {
    this.#answers.delete(answer);
    if (this.#expected.delete(subject))
      for (const worker of this.#workers) worker.withdraw(subject);
  }

  /** As `expect`, for the connection over which the worker is sent items. */
  expectItems(subject: string, feed: RequestFeed): void {
    this.#feeds.set(subject, feed);
  }

  forgetItems(subject: string): void {
    this.#feeds.delete(subject);
  }

  /** Ends every request that still waits or reads. */
  async close(): Promise<void> {
    const error = () =>
      new UnavailableError("The caller is shutting down.", { code: "DYN_RUNTIME_CLOSED" });
    for (const answer of this.#answers) answer.kill(error());
    this.#answers.clear();
    this.#expected.clear();
    this.#feeds.clear();
    await this.#server?.close();
  }

  /** Whether a shared connection is there that tells how the instance is. */
  watches(instanceId: bigint): boolean {
    return [...this.#workers].some((worker) => worker.serves(instanceId));
  }

  /** What they were sent and have not begun is lost like what they were at. */
  #loseSilent(instanceIds: ReadonlySet<bigint>): void {
    for (const { answer, instanceId } of [...this.#expected.values()]) {
      if (instanceId === undefined || !instanceIds.has(instanceId)) continue;
      answer.kill(brokenAnswer("The worker fell silent before it began to answer."));
    }
  }

  /** Each subject is answered once. */
  #claim(subject: string): ExpectedAnswer | undefined {
    const expected = this.#expected.get(subject);
    this.#expected.delete(subject);
    return expected;
  }

  #accept(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    const queue = new ByteQueue();
    const timer = setTimeout(() => socket.destroy(), handshakeTimeoutMs);
    const onData = (chunk: Buffer) => {
      queue.push(chunk);
      const opening = takeOpening(queue);
      if (opening === null) return;
      clearTimeout(timer);
      socket.off("data", onData);
      if (this.#begin(socket, opening, queue)) this.#server?.spoke(socket);
      else if (socket instanceof TLSSocket) socket.destroy();
      else socket.resetAndDestroy();
    };
    socket.on("data", onData);
    socket.once("close", () => clearTimeout(timer));
  }

  /** `false`: nobody expects this connection. */
  #begin(socket: Socket, opening: Opening, queue: ByteQueue): boolean {
    if (opening.type === "garbage") {
      this.#refuseGarbage(queue);
      return false;
    }
    if (opening.type === "mux") {
      // Of a worker that was told of a process which listened here before.
      if (opening.callerId !== this.muxOffer.callerId) return false;
      socket.write(encodeGreeting(opening.callerId));
      const worker = new MuxReceiver({
        socket,
        rest: takeRest(queue),
        window: this.muxOffer.window,
        peerTimeoutMs: this.#peerTimeoutMs,
        isExpecting: () => this.#expected.size > 0,
        claim: (subject) => this.#claim(subject),
        onProblem: this.#onProblem,
        onClose: (silentIds) => {
          this.#workers.delete(worker);
          if (silentIds.size > 0) this.#loseSilent(silentIds);
        },
      });
      this.#workers.add(worker);
      return true;
    }
    if (opening.type === "request") {
      const feed = this.#feeds.get(opening.subject);
      this.#feeds.delete(opening.subject);
      feed?.attach(socket);
      return feed !== undefined;
    }
    const expected = this.#claim(opening.subject);
    if (expected === undefined) return false;
    ResponseReceiver.attach(socket, takeRest(queue), expected.answer, expected.codec);
    return true;
  }

  #refuseGarbage(queue: ByteQueue): void {
    const isTls = looksLikeTls(queue.peek(Math.min(queue.length, 3)) ?? Buffer.alloc(0));
    this.#onProblem(
      isTls
        ? "A peer speaks TLS to the port for answers, which is plain here. Give this process the peer's DYN_TCP_TLS_* settings."
        : "A peer at the port for answers sent no handshake and was turned away.",
      null,
    );
  }
}

type Opening =
  | { readonly type: "response" | "request"; readonly subject: string }
  | { readonly type: "mux"; readonly callerId: string }
  | { readonly type: "garbage" };

const garbage: Opening = { type: "garbage" };

/** How the peer begins; `null` while that is not whole. */
function takeOpening(queue: ByteQueue): Opening | null {
  const first = queue.peek(1)?.[0];
  if (first === undefined) return null;
  if (looksLikeGreeting(first)) return takeGreeting(queue);
  // No length is that big: such a first byte decides at once, however few bytes there are.
  return first === 0 ? takeHandshake(queue) : garbage;
}

function takeGreeting(queue: ByteQueue): Opening | null {
  const bytes = queue.take(greetingBytes);
  if (bytes === null) return null;
  try {
    return { type: "mux", callerId: decodeGreeting(bytes) };
  } catch {
    return garbage;
  }
}

function takeHandshake(queue: ByteQueue): Opening | null {
  const head = queue.peek(twoPartHeadBytes);
  if (head === null) return null;
  try {
    const { headerBytes, bodyBytes } = readTwoPartLengths(head, maxHandshakeBytes);
    const frame = queue.take(twoPartHeadBytes + headerBytes + bodyBytes);
    if (frame === null) return null;
    const text = frame.toString("utf8", twoPartHeadBytes, twoPartHeadBytes + headerBytes);
    const { subject, stream_type } = JSON.parse(text) as Record<string, unknown>;
    if (typeof subject !== "string") return garbage;
    if (stream_type !== "response" && stream_type !== "request") return garbage;
    return { type: stream_type, subject };
  } catch {
    return garbage;
  }
}

function takeRest(queue: ByteQueue): Buffer {
  return queue.take(queue.length) ?? Buffer.alloc(0);
}
