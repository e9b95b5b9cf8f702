// Requests of a worker's endpoints, counted on every page that shows them.
import { type ComponentMetrics, createComponentMetrics, type MetricsRegistry } from "@dyn/metrics";
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

/** The frontend's words for failures: few, whatever the errors say. */
function errorTypeOf(error: unknown): string | null {
  if (error === null) return null;
  const status = DynError.is(error) ? error.status : 500;
  switch (status) {
    case 404:
      return "not_found";
    case 429:
    case 529:
      return "overload";
    case 499:
      return "cancelled";
    case 501:
      return "not_implemented";
    case 503:
    case 504:
      return "unavailable";
    default:
      return status < 500 ? "validation" : "internal";
  }
}
