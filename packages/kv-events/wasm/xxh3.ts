// XXH3-64 over neighbouring blocks of one buffer, in AssemblyScript: 64-bit arithmetic is what JavaScript lacks.
// `pnpm --filter @dyn/kv-events run wasm` compiles it into src/hashing/xxh3-wasm.ts; a test keeps the two equal.
// Algorithm, primes and secret are those of xxHash 0.8 (BSD-2, Yann Collet): xxhash.h, section XXH3.
const SECRET: usize = memory.data<u8>([
  0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
  0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
  0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
  0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
  0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
  0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
  0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
  0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
  0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
  0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
  0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
  0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
]);
const SECRET_BYTES: usize = 192;
/** The secret with the seed mixed in, for inputs above 240 bytes. */
const SEEDED: usize = memory.data(192);

const PRIME32_1: u64 = 0x9e3779b1;
const PRIME32_2: u64 = 0x85ebca77;
const PRIME32_3: u64 = 0xc2b2ae3d;
const PRIME64_1: u64 = 0x9e3779b185ebca87;
const PRIME64_2: u64 = 0xc2b2ae3d27d4eb4f;
const PRIME64_3: u64 = 0x165667b19e3779f9;
const PRIME64_4: u64 = 0x85ebca77c2b2ae63;
const PRIME64_5: u64 = 0x27d4eb2f165667c5;
const PRIME_MX1: u64 = 0x165667919e3779f9;
const PRIME_MX2: u64 = 0x9fb21c651e98df25;

const STRIPE: usize = 64;
const STRIPES_PER_ROUND: usize = 16;
const ROUND: usize = 1024;

/** Both halves of the 128-bit product, XORed. */
@inline
function foldProduct(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >> 32;
  const low = aLow * bLow;
  const cross = aHigh * bLow;
  const middle = (low >> 32) + (cross & 0xffffffff) + aLow * bHigh;
  return ((cross >> 32) + (middle >> 32) + aHigh * bHigh) ^ ((middle << 32) | (low & 0xffffffff));
}

@inline
function avalanche(h: u64): u64 {
  h ^= h >> 37;
  h *= PRIME_MX1;
  return h ^ (h >> 32);
}

@inline
function avalancheXxh64(h: u64): u64 {
  h ^= h >> 33;
  h *= PRIME64_2;
  h ^= h >> 29;
  h *= PRIME64_3;
  return h ^ (h >> 32);
}

@inline
function mix16(at: usize, secret: usize, seed: u64): u64 {
  return foldProduct(
    load<u64>(at) ^ (load<u64>(secret) + seed),
    load<u64>(at, 8) ^ (load<u64>(secret, 8) - seed),
  );
}

/** 9 to 16 bytes given as their first and last eight. */
@inline
function hash9to16(first: u64, last: u64, bytes: u64, seed: u64): u64 {
  const low = first ^ ((load<u64>(SECRET, 24) ^ load<u64>(SECRET, 32)) + seed);
  const high = last ^ ((load<u64>(SECRET, 40) ^ load<u64>(SECRET, 48)) - seed);
  return avalanche(bytes + bswap<u64>(low) + high + foldProduct(low, high));
}

@inline
function hash4to8(at: usize, bytes: usize, seed: u64): u64 {
  seed ^= (<u64>bswap<u32>(<u32>seed)) << 32;
  const both = <u64>load<u32>(at + bytes - 4) + ((<u64>load<u32>(at)) << 32);
  let h = both ^ ((load<u64>(SECRET, 8) ^ load<u64>(SECRET, 16)) - seed);
  h ^= rotl<u64>(h, 49) ^ rotl<u64>(h, 24);
  h *= PRIME_MX2;
  h ^= (h >> 35) + <u64>bytes;
  h *= PRIME_MX2;
  return h ^ (h >> 28);
}

function hash0to16(at: usize, bytes: usize, seed: u64): u64 {
  if (bytes > 8) return hash9to16(load<u64>(at), load<u64>(at + bytes - 8), bytes, seed);
  if (bytes >= 4) return hash4to8(at, bytes, seed);
  if (bytes == 0) return avalancheXxh64(seed ^ load<u64>(SECRET, 56) ^ load<u64>(SECRET, 64));
  const first = <u64>load<u8>(at);
  const middle = <u64>load<u8>(at + (bytes >> 1));
  const last = <u64>load<u8>(at + bytes - 1);
  const combined = (first << 16) | (middle << 24) | last | ((<u64>bytes) << 8);
  return avalancheXxh64(combined ^ (<u64>(load<u32>(SECRET) ^ load<u32>(SECRET, 4)) + seed));
}

function hash17to128(at: usize, bytes: usize, seed: u64): u64 {
  let h: u64 = <u64>bytes * PRIME64_1;
  if (bytes > 32) {
    if (bytes > 64) {
      if (bytes > 96) {
        h += mix16(at + 48, SECRET + 96, seed) + mix16(at + bytes - 64, SECRET + 112, seed);
      }
      h += mix16(at + 32, SECRET + 64, seed) + mix16(at + bytes - 48, SECRET + 80, seed);
    }
    h += mix16(at + 16, SECRET + 32, seed) + mix16(at + bytes - 32, SECRET + 48, seed);
  }
  return avalanche(h + mix16(at, SECRET, seed) + mix16(at + bytes - 16, SECRET + 16, seed));
}

function hash129to240(at: usize, bytes: usize, seed: u64): u64 {
  let h: u64 = <u64>bytes * PRIME64_1;
  for (let i: usize = 0; i < 8; i++) h += mix16(at + 16 * i, SECRET + 16 * i, seed);
  h = avalanche(h);
  const rounds = bytes / 16;
  for (let i: usize = 8; i < rounds; i++) h += mix16(at + 16 * i, SECRET + 16 * (i - 8) + 3, seed);
  return avalanche(h + mix16(at + bytes - 16, SECRET + 119, seed));
}

// The eight accumulators of the long form.
let a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64, a6: u64, a7: u64;

@inline
function lane(value: u64, secret: u64): u64 {
  const key = value ^ secret;
  return (key & 0xffffffff) * (key >> 32);
}

@inline
function accumulate(at: usize, secret: usize): void {
  const v0 = load<u64>(at);
  const v1 = load<u64>(at, 8);
  const v2 = load<u64>(at, 16);
  const v3 = load<u64>(at, 24);
  const v4 = load<u64>(at, 32);
  const v5 = load<u64>(at, 40);
  const v6 = load<u64>(at, 48);
  const v7 = load<u64>(at, 56);
  a0 += v1 + lane(v0, load<u64>(secret));
  a1 += v0 + lane(v1, load<u64>(secret, 8));
  a2 += v3 + lane(v2, load<u64>(secret, 16));
  a3 += v2 + lane(v3, load<u64>(secret, 24));
  a4 += v5 + lane(v4, load<u64>(secret, 32));
  a5 += v4 + lane(v5, load<u64>(secret, 40));
  a6 += v7 + lane(v6, load<u64>(secret, 48));
  a7 += v6 + lane(v7, load<u64>(secret, 56));
}

@inline
function scramble(a: u64, secret: u64): u64 {
  return (a ^ (a >> 47) ^ secret) * PRIME32_1;
}

function hashLong(at: usize, bytes: usize): u64 {
  a0 = PRIME32_3;
  a1 = PRIME64_1;
  a2 = PRIME64_2;
  a3 = PRIME64_3;
  a4 = PRIME64_4;
  a5 = PRIME32_2;
  a6 = PRIME64_5;
  a7 = PRIME32_1;
  const rounds = (bytes - 1) / ROUND;
  for (let round: usize = 0; round < rounds; round++) {
    for (let n: usize = 0; n < STRIPES_PER_ROUND; n++) {
      accumulate(at + round * ROUND + n * STRIPE, SEEDED + n * 8);
    }
    const last = SEEDED + SECRET_BYTES - STRIPE;
    a0 = scramble(a0, load<u64>(last));
    a1 = scramble(a1, load<u64>(last, 8));
    a2 = scramble(a2, load<u64>(last, 16));
    a3 = scramble(a3, load<u64>(last, 24));
    a4 = scramble(a4, load<u64>(last, 32));
    a5 = scramble(a5, load<u64>(last, 40));
    a6 = scramble(a6, load<u64>(last, 48));
    a7 = scramble(a7, load<u64>(last, 56));
  }
  const stripes = (bytes - 1 - ROUND * rounds) / STRIPE;
  for (let n: usize = 0; n < stripes; n++) {
    accumulate(at + rounds * ROUND + n * STRIPE, SEEDED + n * 8);
  }
  accumulate(at + bytes - STRIPE, SEEDED + SECRET_BYTES - STRIPE - 7);
  const merge = SEEDED + 11;
  let h: u64 = <u64>bytes * PRIME64_1;
  h += foldProduct(a0 ^ load<u64>(merge), a1 ^ load<u64>(merge, 8));
  h += foldProduct(a2 ^ load<u64>(merge, 16), a3 ^ load<u64>(merge, 24));
  h += foldProduct(a4 ^ load<u64>(merge, 32), a5 ^ load<u64>(merge, 40));
  h += foldProduct(a6 ^ load<u64>(merge, 48), a7 ^ load<u64>(merge, 56));
  return avalanche(h);
}

function seedSecret(seed: u64): void {
  for (let i: usize = 0; i < SECRET_BYTES; i += 16) {
    store<u64>(SEEDED + i, load<u64>(SECRET + i) + seed);
    store<u64>(SEEDED + i + 8, load<u64>(SECRET + i + 8) - seed);
  }
}

/** First byte that is free for the caller's data. */
export function heapBase(): usize {
  return __heap_base;
}

/** XXH3-64 of `bytes` bytes at `at`. */
export function hash(at: usize, bytes: usize, seed: u64): u64 {
  if (bytes <= 16) return hash0to16(at, bytes, seed);
  if (bytes <= 128) return hash17to128(at, bytes, seed);
  if (bytes <= 240) return hash129to240(at, bytes, seed);
  seedSecret(seed);
  return hashLong(at, bytes);
}

/** out[i] = XXH3-64 of the `bytes` bytes at `at + i * stride`: one loop for each form, so that nothing is decided per block. */
export function hashBlocks(
  at: usize,
  count: u32,
  stride: usize,
  bytes: usize,
  seed: u64,
  out: usize,
): void {
  const end = out + ((<usize>count) << 3);
  if (bytes >= 4 && bytes <= 8) {
    for (; out < end; out += 8, at += stride) store<u64>(out, hash4to8(at, bytes, seed));
  } else if (bytes <= 16) {
    for (; out < end; out += 8, at += stride) store<u64>(out, hash0to16(at, bytes, seed));
  } else if (bytes <= 128) {
    for (; out < end; out += 8, at += stride) store<u64>(out, hash17to128(at, bytes, seed));
  } else if (bytes <= 240) {
    for (; out < end; out += 8, at += stride) store<u64>(out, hash129to240(at, bytes, seed));
  } else {
    seedSecret(seed);
    for (; out < end; out += 8, at += stride) store<u64>(out, hashLong(at, bytes));
  }
}

/**
 * Names prefixes: out[i] = XXH3-64(out[i - 1] ++ blocks[i]). `previous` stands before the first one;
 * without it (`isRoot`) the first block names itself.
 */
export function chain(
  blocks: usize,
  count: u32,
  previous: u64,
  isRoot: bool,
  seed: u64,
  out: usize,
): void {
  const end = blocks + ((<usize>count) << 3);
  for (let i = blocks; i < end; i += 8, out += 8) {
    const block = load<u64>(i);
    previous = isRoot ? block : hash9to16(previous, block, 16, seed);
    isRoot = false;
    store<u64>(out, previous);
  }
}
