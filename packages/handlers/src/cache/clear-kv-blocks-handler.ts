import type { Engine } from "@dyn/engine";
import type { RequestHandler } from "@dyn/runtime";

export interface ClearKvBlocksAnswer {
  readonly status: "success" | "error";
  readonly message: string;
}

/** Serves `clear_kv_blocks` (Dynamo 1.6.1): the engine forgets its cached prefixes, unless requests run. */
export function createClearKvBlocksHandler({
  engine,
}: {
  readonly engine: Pick<Engine, "flushCache">;
}): RequestHandler<unknown, ClearKvBlocksAnswer> {
  return async function* () {
    const isDone = await engine.flushCache();
    yield {
      data: isDone
        ? { status: "success", message: "The KV cache is empty." }
        : {
            status: "error",
            message: "Requests are running or waiting; ask again when they are over.",
          },
    };
  };
}
