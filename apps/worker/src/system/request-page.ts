// Requests of a worker's endpoints, counted on every page that shows them.
import {
  type ComponentMetrics,
  createComponentMetrics,
  type MetricsRegistry,
  statusToErrorType,
} from "@dyn/metrics";
import { DynError, type ModelCard } from "@dyn/protocol";
import { parseEndpointId, type RequestObserver } from "@dyn/runtime";

export class RequestPage {
  readonly #card: ModelCard;
  readonly #workerId: string;
  /** By endpoint, one for each page. */
  readonly #metrics: ReadonlyMap<string, ComponentMetrics[]>;

  /** `workerId`: hex, as instances are written. `otherEndpoints`: names beside the model's own. */
  constructor(options: {
    readonly card: ModelCard;
    readonly workerId: string;
    readonly otherEndpoints?: readonly string[];
  }) {
    this.#card = options.card;
    this.#workerId = options.workerId;
    const { endpoint } = parseEndpointId(options.card.endpoint);
    this.#metrics = new Map(
      [endpoint, ...(options.otherEndpoints ?? [])].map((name) => [name, []]),
    );
  }

  show(registry: MetricsRegistry): void {
    const id = parseEndpointId(this.#card.endpoint);
    for (const [endpoint, metrics] of this.#metrics) {
      const model = endpoint === id.endpoint ? { model: this.#card.displayName } : {};
      metrics.push(
        createComponentMetrics(registry, { ...id, endpoint, workerId: this.#workerId, ...model }),
      );
    }
  }

  observer(endpoint: string): RequestObserver | undefined {
    const metrics = this.#metrics.get(endpoint);
    if (metrics === undefined) return undefined;
    return {
      begun: (_context, receivedBytes) => {
        const ends = metrics.map((it) => it.begun(receivedBytes));
        return ({ error, isCancelled, sentBytes }) => {
          const errorType = isCancelled ? null : errorTypeOf(error);
          for (const end of ends) end({ errorType, isCancelled, sentBytes });
        };
      },
    };
  }
}

function errorTypeOf(error: unknown): string | null {
  return error === null ? null : statusToErrorType(DynError.is(error) ? error.status : 500);
}
