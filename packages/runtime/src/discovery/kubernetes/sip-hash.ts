// SipHash-1-3 under the zero key (Aumasson and Bernstein, 2012): the hash that names instances in Kubernetes.
// For short names; written for plainness, not speed.

/** u64 of the bytes. */
export function sipHash13(bytes: Uint8Array): bigint {
  const state: State = [
    0x736f6d6570736575n,
    0x646f72616e646f6dn,
    0x6c7967656e657261n,
    0x7465646279746573n,
  ];
  const padded = Buffer.alloc(bytes.length - (bytes.length % 8) + 8);
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length & 0xff;
  for (let at = 0; at < padded.length; at += 8) {
    const word = padded.readBigUInt64LE(at);
    state[3] ^= word;
    mix(state);
    state[0] ^= word;
  }
  state[2] ^= 0xffn;
  for (let round = 0; round < 3; round++) mix(state);
  return state[0] ^ state[1] ^ state[2] ^ state[3];
}

type State = [bigint, bigint, bigint, bigint];

function mix(v: State): void {
  v[0] = add(v[0], v[1]);
  v[1] = rotate(v[1], 13n) ^ v[0];
  v[0] = rotate(v[0], 32n);
  v[2] = add(v[2], v[3]);
  v[3] = rotate(v[3], 16n) ^ v[2];
  v[0] = add(v[0], v[3]);
  v[3] = rotate(v[3], 21n) ^ v[0];
  v[2] = add(v[2], v[1]);
  v[1] = rotate(v[1], 17n) ^ v[2];
  v[2] = rotate(v[2], 32n);
}

function add(a: bigint, b: bigint): bigint {
  return BigInt.asUintN(64, a + b);
}

function rotate(value: bigint, bits: bigint): bigint {
  return BigInt.asUintN(64, value << bits) | (value >> (64n - bits));
}
