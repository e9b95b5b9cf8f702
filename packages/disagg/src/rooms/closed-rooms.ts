/** The newest rooms that ended, so that who comes late is told at once. */
export class ClosedRooms {
  readonly #limit: number;
  readonly #rooms = new Set<bigint>();

  constructor(limit = 16_384) {
    this.#limit = limit;
  }

  add(room: bigint): void {
    this.#rooms.delete(room);
    this.#rooms.add(room);
    if (this.#rooms.size > this.#limit) this.#rooms.delete(this.#rooms.values().next().value!);
  }

  has(room: bigint): boolean {
    return this.#rooms.has(room);
  }

  /** It is opened again: SGLang's clients may draw a room twice. */
  delete(room: bigint): void {
    this.#rooms.delete(room);
  }
}
