// Cosine and sine tables of rotary positions. They are inputs of the graph, not weights:
// they grow with the positions in use, and cost nothing before.
import type { ModelConfig } from "@dyn/model-files";

const initialPositions = 512;

/**
 * Rounds like transformers, in float32: frequencies, then angle = position x frequency.
 * At position 4000 a float64 angle would differ by 2e-4.
 */
export class RopeTable {
  readonly #frequencies: Float32Array;
  readonly #scale: number;
  #cos: Float32Array;
  #sin: Float32Array;
  #positionCount = 0;

  constructor(config: Pick<ModelConfig, "rope" | "headDim">) {
    this.#frequencies = ropeFrequencies(config);
    const { scaling } = config.rope;
    this.#scale = scaling.type === "yarn" ? scaling.attentionFactor : 1;
    this.#cos = new Float32Array(0);
    this.#sin = new Float32Array(0);
  }

  /** [positionCount, headDim / 2] */
  get cos(): Float32Array {
    return this.#cos;
  }

  /** [positionCount, headDim / 2] */
  get sin(): Float32Array {
    return this.#sin;
  }

  get positionCount(): number {
    return this.#positionCount;
  }

  /** Makes room for positions 0 .. count - 1. Returns whether the tables changed. */
  ensure(count: number): boolean {
    if (count <= this.#positionCount) return false;
    const half = this.#frequencies.length;
    const target = Math.max(count, 2 * this.#positionCount, initialPositions);
    const cos = new Float32Array(target * half);
    const sin = new Float32Array(target * half);
    cos.set(this.#cos);
    sin.set(this.#sin);
    for (let position = this.#positionCount; position < target; position++) {
      for (let i = 0; i < half; i++) {
        const angle = Math.fround(position * this.#frequencies[i]!);
        cos[position * half + i] = Math.cos(angle) * this.#scale;
        sin[position * half + i] = Math.sin(angle) * this.#scale;
      }
    }
    this.#cos = cos;
    this.#sin = sin;
    this.#positionCount = target;
    return true;
  }
}

/** Angle per position of each pair (i, i + headDim / 2), scaled. [headDim / 2] */
export function ropeFrequencies(config: Pick<ModelConfig, "rope" | "headDim">): Float32Array {
  const { headDim } = config;
  const { theta, scaling } = config.rope;
  const plain = Float32Array.from(
    { length: headDim / 2 },
    (_, i) => 1 / Math.fround(theta ** ((2 * i) / headDim)),
  );
  switch (scaling.type) {
    case "none":
      return plain;
    case "linear":
      return plain.map((frequency) => frequency / scaling.factor);
    case "llama3": {
      const { factor, lowFreqFactor, highFreqFactor, originalContextLength } = scaling;
      return plain.map((frequency) => {
        const turns = (originalContextLength * frequency) / (2 * Math.PI);
        if (turns > highFreqFactor) return frequency;
        if (turns < lowFreqFactor) return frequency / factor;
        const kept = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
        return ((1 - kept) * frequency) / factor + kept * frequency;
      });
    }
    case "yarn": {
      const { factor, betaFast, betaSlow, originalContextLength } = scaling;
      /** The (fractional) pair that makes `turns` turns over the original context. */
      const pairOf = (turns: number) =>
        (headDim * Math.log(originalContextLength / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
      const low = Math.max(Math.floor(pairOf(betaFast)), 0);
      const ceiling = Math.min(Math.ceil(pairOf(betaSlow)), headDim - 1);
      const high = ceiling === low ? ceiling + 0.001 : ceiling;
      return plain.map((frequency, i) => {
        const ramp = Math.min(Math.max((i - low) / (high - low), 0), 1);
        return (frequency / factor) * ramp + frequency * (1 - ramp);
      });
    }
  }
}
