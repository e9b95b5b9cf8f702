import {
  decodeKvQuery,
  decodeMsgpack,
  encodeKvQueryAnswer,
  encodeMsgpack,
  type KvQueryAnswer,
  KvWireError,
} from "@dyn/kv-events";
import { EncodedMsgpack, type RequestHandler } from "@dyn/runtime";
import type { LocalIndex } from "./local-index.ts";

/** Answers a router in one item, in Dynamo's spelling. A question that cannot be read is told so: nobody waits. */
export function createQueryHandler(index: LocalIndex): RequestHandler<unknown, EncodedMsgpack> {
  return async function* (body) {
    const bytes = encodeKvQueryAnswer(answer(index, body));
    // A dump is long, and as plain values it would hold the worker up for a second.
    yield { data: new EncodedMsgpack(bytes, () => decodeMsgpack(bytes)) };
  };
}

function answer(index: LocalIndex, body: unknown): KvQueryAnswer {
  try {
    return index.answer(decodeKvQuery(encodeMsgpack(body)));
  } catch (error) {
    if (!(error instanceof KvWireError)) throw error;
    return { type: "error", message: error.message };
  }
}
