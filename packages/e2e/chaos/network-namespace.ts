// A network of a process's own, joined to this machine's by one pair of virtual interfaces. Needs Linux and root.
import { spawnSync } from "node:child_process";
import { findProgram } from "@dyn/testing";

export class NetworkNamespace {
  readonly outsideHost: string;
  readonly insideHost: string;
  readonly #ip: string;
  readonly #name: string;
  readonly #outside: string;
  readonly #inside: string;

  private constructor(ip: string, name: string, subnet: number) {
    this.#ip = ip;
    this.#name = name;
    this.#outside = `${name}o`;
    this.#inside = `${name}i`;
    this.outsideHost = `10.213.${subnet}.1`;
    this.insideHost = `10.213.${subnet}.2`;
  }

  /** `null` where it is not allowed. */
  static create(): NetworkNamespace | null {
    if (process.platform !== "linux" || process.getuid?.() !== 0) return null;
    const ip = findProgram("ip", "iproute2");
    if (ip === null) return null;
    const subnet = process.pid % 256;
    const namespace = new NetworkNamespace(ip, `dync${subnet}`, subnet);
    try {
      namespace.#setUp();
      return namespace;
    } catch {
      // Not allowed in this container, which the table tells.
      namespace.remove();
      return null;
    }
  }

  /** The command that runs `command` inside. */
  command(command: readonly string[]): string[] {
    return [this.#ip, "netns", "exec", this.#name, ...command];
  }

  /** Nothing passes, and nobody is told. */
  cutOff(): void {
    this.#run("link", "set", this.#outside, "down");
  }

  joinAgain(): void {
    this.#run("link", "set", this.#outside, "up");
  }

  /** Delay and loss of what goes in and out; `false` where the kernel cannot. */
  slowDown(delayMs: number, lossPercent: number): boolean {
    const tc = findProgram("tc", "iproute2");
    if (tc === null) return false;
    const netem = ["root", "netem", "delay", `${delayMs}ms`, "loss", `${lossPercent}%`];
    const outside = spawnSync(tc, ["qdisc", "add", "dev", this.#outside, ...netem]);
    const inside = this.command([tc, "qdisc", "add", "dev", this.#inside, ...netem]);
    return outside.status === 0 && spawnSync(inside[0]!, inside.slice(1)).status === 0;
  }

  remove(): void {
    spawnSync(this.#ip, ["netns", "del", this.#name]);
    spawnSync(this.#ip, ["link", "del", this.#outside]);
  }

  #setUp(): void {
    this.#run("netns", "add", this.#name);
    this.#run("link", "add", this.#outside, "type", "veth", "peer", "name", this.#inside);
    this.#run("link", "set", this.#inside, "netns", this.#name);
    this.#run("addr", "add", `${this.outsideHost}/24`, "dev", this.#outside);
    this.#run("link", "set", this.#outside, "up");
    const inside = ["netns", "exec", this.#name, this.#ip];
    this.#run(...inside, "addr", "add", `${this.insideHost}/24`, "dev", this.#inside);
    this.#run(...inside, "link", "set", this.#inside, "up");
    this.#run(...inside, "link", "set", "lo", "up");
  }

  #run(...args: string[]): void {
    const { status, stderr } = spawnSync(this.#ip, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
  }
}
