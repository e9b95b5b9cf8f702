// The books: which request runs where, to which worker a session belongs. Written when this router sends something or hears
// what another one sent, and told to the others.
import type { ActiveSequenceEvent, BlockHashes, WorkerLoad } from "@dyn/kv-events";
import type { PreprocessedRequest } from "@dyn/protocol";
import { drawU53, type EndpointId, type EventPlane } from "@dyn/runtime";
import { loraOf } from "../choice/request-fields.ts";
import type { RouterSettings } from "../choice/router-settings.ts";
import { RouterTopics, type SequenceCounters } from "../replica/router-topics.ts";
import { SessionBindings } from "../session/session-bindings.ts";
import { ActiveRequests, type RankId, toBlockKeys } from "./active-requests.ts";

export interface RequestBooksOptions {
  readonly plane: EventPlane;
  readonly endpoint: EndpointId;
  readonly blockSize: number;
  readonly settings: RouterSettings;
  readonly now: () => number;
  readonly onLoad: (load: WorkerLoad) => void;
  /** Another router's request left its prefill or ended: there may be room. */
  readonly onRoom: () => void;
  readonly onProblem: (message: string, error: unknown) => void;
}

export interface Booking extends RankId {
  readonly hashes: BlockHashes;
  /** Prompt tokens that the worker has on its device. */
  readonly cachedTokens: number;
  /** The rest of the prompt is computed there, and counts as load until it is. */
  readonly tracksPrefill: boolean;
}

/** What came of requests that others route. */
export interface HeardSequences {
  readonly counters: Readonly<SequenceCounters>;
  /** Messages that have come and were not read yet. */
  readonly backlog: number;
  readonly missedCount: number;
  readonly droppedCount: number;
  readonly rejectedCount: number;
}

export class RequestBooks {
  /** Under which other routers know this one. */
  readonly routerId = drawU53();
  readonly active: ActiveRequests;
  readonly sessions: SessionBindings | null;
  readonly #options: RequestBooksOptions;
  readonly #topics: RouterTopics;

  constructor(options: RequestBooksOptions) {
    const { plane, endpoint, blockSize, settings, now, onLoad, onProblem } = options;
    this.#options = options;
    this.active = new ActiveRequests({
      assumeKvReuse: settings.assumeKvReuse,
      estimatesProgress: settings.cost.loadModel === "estimated",
      outputBlockSize: settings.trackOutputBlocks ? blockSize : null,
      now,
    });
    this.sessions = settings.sessions && new SessionBindings(settings.sessions, this.routerId, now);
    this.#topics = new RouterTopics({
      plane,
      endpoint,
      isSharing: settings.replicaSync,
      hasSessions: settings.sessions !== null,
      onLoad,
      onSequence: (event) => this.#heard(event),
      onSession: (binding) => {
        if (binding.writerId !== this.routerId) this.sessions?.learn(binding);
      },
      onProblem,
    });
  }

  get heard(): HeardSequences {
    const { heard: counters, sequences } = this.#topics;
    return {
      counters,
      backlog: sequences?.queuedCount ?? 0,
      missedCount: sequences?.missedCount ?? 0,
      droppedCount: sequences?.droppedCount ?? 0,
      rejectedCount: sequences?.rejectedCount ?? 0,
    };
  }

  start(): Promise<void> {
    return this.#topics.start();
  }

  /** The request is sent there now. */
  add(requestId: string, booking: Booking, request: PreprocessedRequest): void {
    const { workerId, dpRank, hashes, cachedTokens, tracksPrefill: track } = booking;
    const uncachedTokens = track ? Math.max(0, request.token_ids.length - cachedTokens) : 0;
    const expectedOutputTokens = request.routing?.expected_output_tokens ?? null;
    const blockKeys = toBlockKeys(hashes.sequenceHashes);
    const rank = { workerId, dpRank };
    this.active.add({ requestId, ...rank, blockKeys, uncachedTokens, expectedOutputTokens });
    this.#topics.tellSequence({
      requestId,
      ...rank,
      routerId: this.routerId,
      loraName: loraOf(request),
      change: {
        type: "added",
        sequenceHashes: hashes.sequenceHashes,
        trackPrefillTokens: track,
        expectedOutputTokens,
        uncachedTokens,
      },
    });
  }

  /** Whether it was in its prefill. */
  prefillCompleted(requestId: string, rank: RankId): boolean {
    const isChange = this.active.prefillCompleted(requestId);
    if (isChange) this.#tell(requestId, rank, "prefillCompleted");
    return isChange;
  }

  free(requestId: string, rank: RankId): void {
    if (this.active.free(requestId)) this.#tell(requestId, rank, "freed");
  }

  sessionDispatched(sessionId: string, rank: RankId): void {
    const binding = this.sessions?.dispatched(sessionId, rank);
    if (binding !== undefined) this.#topics.tellSession(binding);
  }

  sessionEnded(sessionId: string, isFailed: boolean): void {
    const binding = this.sessions?.ended(sessionId, isFailed) ?? null;
    if (binding !== null) this.#topics.tellSession(binding);
  }

  removeWorker(workerId: bigint): void {
    this.active.removeWorker(workerId);
    this.sessions?.removeWorker(workerId);
  }

  close(): Promise<void> {
    return this.#topics.close();
  }

  #tell(requestId: string, rank: RankId, type: "prefillCompleted" | "freed"): void {
    const { workerId, dpRank } = rank;
    const change = { type };
    const { routerId } = this;
    this.#topics.tellSequence({ requestId, workerId, dpRank, routerId, change, loraName: null });
  }

  #heard(event: ActiveSequenceEvent): void {
    if (event.routerId === this.routerId) return;
    const { requestId, workerId, dpRank, change } = event;
    const { settings, onRoom } = this.#options;
    if (change.type === "prefillCompleted") {
      if (this.active.prefillCompleted(requestId)) onRoom();
    } else if (change.type === "freed") {
      // Only its own router ends a request of this one.
      if (settings.replicaSync) this.active.free(requestId);
      onRoom();
    } else if (settings.replicaSync) {
      this.active.add({
        requestId,
        workerId,
        dpRank,
        blockKeys: toBlockKeys(change.sequenceHashes),
        uncachedTokens: change.trackPrefillTokens ? (change.uncachedTokens ?? 0) : 0,
      });
    }
  }
}
