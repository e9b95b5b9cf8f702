// A request of several choices as several requests of one: each has a room of its own, at the workers of the first.
import { type EngineOutputItem, type PreprocessedRequest, splitChoices } from "@dyn/protocol";
import type { Annotated } from "@dyn/runtime";
import type { TokenCallOptions } from "../token-client.ts";
import { mergeChoices } from "./merge-choices.ts";

type Items = AsyncGenerator<Annotated<EngineOutputItem>>;

/** What the choices of a request have in common: the workers of the first. */
export interface Placement {
  readonly decodeId: bigint;
  readonly prefillId: bigint | null;
}

/** One choice. `near`: where it would rather be. */
export type AskChoice = (
  request: PreprocessedRequest,
  options: TokenCallOptions,
  near: Placement | null,
) => Items;

export function answerChoices(
  request: PreprocessedRequest,
  options: TokenCallOptions,
  ask: AskChoice,
): Items {
  let place: (placement: Placement | null) => void = () => {};
  const placed = new Promise<Placement | null>((resolve) => {
    place = resolve;
  });
  const [first, ...others] = splitChoices(request);
  const open = (signal: AbortSignal) => [
    firstChoice(ask, first!, { ...options, signal }, place),
    ...others.map((choice) => {
      const { onDecision: _, onPrefill: __, onRouted: ___, onHandedOver: ____, ...quiet } = options;
      // Workers of other makes take UUIDs alone.
      const later = { ...quiet, signal, requestId: crypto.randomUUID() };
      return laterChoice(ask, choice, later, placed);
    }),
  ];
  return mergeChoices(open, options.signal);
}

/** The others begin when its prompt is cached: they have it then, and nobody computes it twice. */
async function* firstChoice(
  ask: AskChoice,
  request: PreprocessedRequest,
  options: TokenCallOptions,
  place: (placement: Placement | null) => void,
): Items {
  let prefillId: bigint | null = null;
  let decodeId: bigint | null = null;
  const watched: TokenCallOptions = {
    ...options,
    onPrefill: (decision) => {
      prefillId = decision.workerId;
      options.onPrefill?.(decision);
    },
    onRouted: (instance) => {
      decodeId = instance.instanceId;
      options.onRouted?.(instance);
    },
  };
  try {
    for await (const item of ask(request, watched, null)) {
      if (decodeId !== null) place({ decodeId, prefillId });
      yield item;
    }
  } finally {
    place(null);
  }
}

async function* laterChoice(
  ask: AskChoice,
  request: PreprocessedRequest,
  options: TokenCallOptions,
  placed: Promise<Placement | null>,
): Items {
  yield* ask(request, options, await placed);
}
