// Steps a core to its end and keeps what it said.
import type { GenerateOutput, GenerateRequest } from "@dyn/engine";
import type { EngineCore } from "../../src/core/engine-core.ts";

export class Listener {
  readonly outputs: GenerateOutput[] = [];

  constructor(core: EngineCore) {
    core.onOutputs((outputs) => this.outputs.push(...outputs));
  }

  of({ requestId }: GenerateRequest, index = 0): GenerateOutput[] {
    return this.outputs.filter(
      (output) => output.requestId === requestId && output.index === index,
    );
  }

  tokens(request: GenerateRequest, index = 0): number[] {
    return this.of(request, index).flatMap((output) => output.tokenIds);
  }

  last(request: GenerateRequest, index = 0): GenerateOutput {
    return this.of(request, index).at(-1)!;
  }
}

export async function runToEnd(core: EngineCore): Promise<void> {
  while (await core.step());
}
