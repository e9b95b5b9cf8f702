// The NATS micro service that a component announces: who asks `$SRV.PING`, `$SRV.INFO` or `$SRV.STATS` is told of its
// endpoints. Nothing of dyn asks; tools of NATS and peers do.
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";

export interface MicroEndpoint {
  readonly name: string;
  readonly subject: string;
  readonly queueGroup: string;
  readonly requestCount: number;
}

const version = "0.0.1";
const verbs = ["PING", "INFO", "STATS"] as const;

export class NatsMicroService {
  readonly #identity: Readonly<Record<string, unknown>>;
  readonly #startedAt = new Date().toISOString();
  readonly #endpoints = new Set<MicroEndpoint>();
  readonly #subscriptions: readonly Subscription[];

  /** `name`: letters, digits, `-` and `_`. */
  constructor(connection: NatsConnection, name: string, id: string) {
    this.#identity = { name, id, version, metadata: {} };
    this.#subscriptions = verbs.flatMap((verb) =>
      [`$SRV.${verb}`, `$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.${id}`].map((subject) =>
        connection.subscribe(subject, {
          callback: (error, message) => {
            if (error === null) this.#answer(verb, message);
          },
        }),
      ),
    );
  }

  add(endpoint: MicroEndpoint): void {
    this.#endpoints.add(endpoint);
  }

  delete(endpoint: MicroEndpoint): void {
    this.#endpoints.delete(endpoint);
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  #answer(verb: (typeof verbs)[number], message: Msg): void {
    const type = `io.nats.micro.v1.${verb.toLowerCase()}_response`;
    message.respond(JSON.stringify({ type, ...this.#identity, ...this.#details(verb) }));
  }

  #details(verb: (typeof verbs)[number]): Record<string, unknown> {
    if (verb === "PING") return {};
    const endpoints = [...this.#endpoints].map(({ name, subject, queueGroup, requestCount }) => ({
      name,
      subject,
      queue_group: queueGroup,
      ...(verb === "INFO" ? { metadata: {} } : statistics(requestCount)),
    }));
    return verb === "INFO"
      ? { description: "", endpoints }
      : { started: this.#startedAt, endpoints };
  }
}

/** Of the request leg: an accepted request is answered elsewhere, so no time is spent on it here. */
function statistics(requestCount: number): Record<string, unknown> {
  return {
    num_requests: requestCount,
    num_errors: 0,
    last_error: "",
    processing_time: 0,
    average_processing_time: 0,
  };
}
