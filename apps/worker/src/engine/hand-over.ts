// What hands KV from prefill to decode workers, for each rank of a worker that is one of them.
import type { WorkerArgs } from "@dyn/args";
import { createDisaggregation, type Disaggregation, type DisaggregationHooks } from "@dyn/disagg";
import { findOwnAddress } from "@dyn/runtime";

/** `null`: this worker does everything by itself. `first`: of rank 0, where the others of a prefill worker register. */
export async function createHandOver(
  args: WorkerArgs,
  dpRank: number,
  first: Disaggregation | null,
  hooks: DisaggregationHooks,
): Promise<Disaggregation | null> {
  const { servingMode: mode } = args.derived;
  if (mode === "agg") return null;
  const { engine, runtime } = args.values;
  const options = {
    mode,
    host: runtime.tcpRpcHost ?? findOwnAddress(),
    bootstrapPort: first?.bootstrapPort ?? engine.disaggregationBootstrapPort ?? 0,
    transport: engine.disaggregationTransport,
    peerTimeoutMs: runtime.peerTimeout * 1000,
    dpRank: mode === "prefill" ? dpRank : 0,
    dpSize: mode === "prefill" ? engine.dpSize : 1,
  };
  return createDisaggregation(options, hooks);
}
