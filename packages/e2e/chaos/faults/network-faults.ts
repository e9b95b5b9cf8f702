import { type Fault, pause } from "../fault.ts";
import type { NamespaceStage } from "../stages.ts";

/** Half of the connections between frontend and workers, five times. */
export const socketCut: Fault = {
  name: "socket cut in mid-stream",
  inject: async ({ stage: { deployment }, random }) => {
    for (let round = 0; round < 5; round++) {
      for (const proxy of deployment.proxies) proxy.cut(() => random() < 0.5);
      await pause(700);
    }
    return { means: "proxy: resets half of the connections, 5 times" };
  },
};

/** The worker's network is gone for 40 s; its host says nothing. */
export const halfOpen: Fault<NamespaceStage> = {
  name: "half-open connections, 40 s",
  inject: async ({ stage: { namespace } }) => {
    namespace.cutOff();
    await pause(40_000);
    namespace.joinAgain();
    await pause(3_000);
    return { means: "network namespace, its link down" };
  },
};

/** The same without a namespace: the proxy takes everything and passes nothing. Kernels notice nothing, hence longer. */
export const halfOpenByProxy: Fault = {
  name: "half-open connections, 70 s",
  inject: async ({ stage: { deployment } }) => {
    const { requestPort } = deployment.workers[0]!;
    const [frontend, worker] = deployment.proxies;
    frontend?.silence(({ port }) => port === requestPort);
    worker?.silence();
    await pause(70_000);
    for (const proxy of [frontend, worker]) proxy?.speak();
    await pause(3_000);
    return { means: "proxy: open and silent" };
  },
};

const slowSeconds = 10;

export const slowNetwork: Fault<NamespaceStage> = {
  name: "slow network, 200 ms and 1 % loss",
  inject: async ({ stage: { namespace } }) => {
    if (!namespace.slowDown(200, 1)) return null;
    await pause(slowSeconds * 1000);
    return { means: "network namespace, netem" };
  },
};

/** A lost packet is one that comes when it is sent again. */
const resendMs = 400;

export const slowNetworkByProxy: Fault = {
  name: "slow network, 200 ms and 1 % loss",
  inject: async ({ stage: { deployment }, random }) => {
    const delayOf = () => 200 + (random() < 0.01 ? resendMs : 0);
    for (const proxy of deployment.proxies) proxy.delay(delayOf);
    await pause(slowSeconds * 1000);
    for (const proxy of deployment.proxies) proxy.delay(() => 0);
    return { means: `proxy: each chunk 200 ms later, 1 % ${resendMs} ms more` };
  },
};
