import type { RouterEvent } from "@dyn/kv-events";

/** The newest events of a publisher, by id. What is older makes room. */
export class EventRing {
  readonly #capacity: number;
  readonly #slots: RouterEvent[] = [];
  #newestId = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** 0 before the first event. */
  get newestId(): number {
    return this.#newestId;
  }

  /** 0 while it is empty. */
  get oldestId(): number {
    return this.#newestId - Math.min(this.#newestId, this.#capacity) + Math.sign(this.#newestId);
  }

  /** Ids follow one another from 1. */
  push(event: RouterEvent): void {
    this.#newestId = event.eventId;
    this.#slots[(event.eventId - 1) % this.#capacity] = event;
  }

  /** From the id to the newest; the id must be between the oldest and the newest. */
  from(eventId: number): RouterEvent[] {
    const events: RouterEvent[] = [];
    for (let id = eventId; id <= this.#newestId; id++) {
      events.push(this.#slots[(id - 1) % this.#capacity]!);
    }
    return events;
  }
}
