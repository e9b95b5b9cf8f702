// Loaded before a prefill worker (--require, which reaches its threads): of the rooms whose KV it sends, DYN_CUT_SHARE lose
// their connection while a run is on its way: over TCP when half of it has been written, over shared memory behind the word
// that it is there. Which ones is drawn with DYN_CUT_SEED. Each is told on stderr.
const { Socket } = require("node:net");
const { isMainThread } = require("node:worker_threads");

const share = Number(process.env.DYN_CUT_SHARE);
let state = Number(process.env.DYN_CUT_SEED) >>> 0;

function draw() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

const seen = new Set();
const doomed = new WeakSet();
const write = Socket.prototype.write;

function cut(socket, room) {
  doomed.add(socket);
  console.error(`cut the hand-over of room ${room}`);
  // What is corked goes out first: the cut is to be in the middle.
  setImmediate(() => socket.destroy());
}

if (!isMainThread && share > 0) {
  /** The run that this socket is about to lose. */
  const losing = new WeakMap();
  Socket.prototype.write = function (chunk, ...rest) {
    if (doomed.has(this)) return false;
    const room = losing.get(this);
    if (room !== undefined) {
      losing.delete(this);
      const isWritten = write.call(this, chunk.subarray(0, chunk.length >> 1), ...rest);
      cut(this, room);
      return isWritten;
    }
    const header = chunk.length < 4096 ? chunk.toString("latin1") : "";
    const run = header.includes('"run"') ? /"room":"(\d+)"/.exec(header)?.[1] : undefined;
    const isWritten = write.call(this, chunk, ...rest);
    if (run === undefined || seen.has(run)) return isWritten;
    seen.add(run);
    // However few there are, one of them is.
    if (draw() < share || seen.size === 3) {
      if (header.includes('"slot":null')) losing.set(this, run);
      else cut(this, run);
    }
    return isWritten;
  };
}
