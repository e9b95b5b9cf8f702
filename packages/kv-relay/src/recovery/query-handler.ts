import {
  decodeKvQuery,
  decodeMsgpack,
  encodeKvQueryAnswer,
  encodeMsgpack,
  type KvQueryAnswer,
  KvWireError,
} from "@dyn/kv-events";
import type { RequestHandler } from "@dyn/runtime";
import type { LocalIndex } from "./local-index.ts";

/** Answers a router in one item, in Dynamo's spelling. A question that cannot be read is told so: nobody waits. */
export function createQueryHandler(index: LocalIndex): RequestHandler {
  return async function* (body) {
    yield { data: decodeMsgpack(encodeKvQueryAnswer(answer(index, body))) };
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
