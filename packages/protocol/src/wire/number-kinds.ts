// Peers in typed languages tell apart what JavaScript writes alike: 1 and 1.0, 32 and 64 bits.

/** A number that travels as a 32-bit float, also when it is whole. */
export class Float32 {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A number that travels as a 64-bit float, also when it is whole. */
export class Float64 {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}
