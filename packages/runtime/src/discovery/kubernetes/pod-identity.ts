// Who this process is to Kubernetes: its pod, or its container where each container is an instance of its own.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InvalidArgumentError } from "@dyn/protocol";
import { sipHash13 } from "./sip-hash.ts";

export interface PodOptions {
  readonly mode: "pod" | "container";
  readonly podName?: string | undefined;
  readonly podUid?: string | undefined;
  readonly podNamespace?: string | undefined;
  readonly containerName?: string | undefined;
  /** A mounted volume with `pod_name`, `pod_uid` and `pod_namespace`, which wins. Default /etc/podinfo. */
  readonly podInfoFolder?: string;
}

export interface PodIdentity {
  readonly podName: string;
  readonly podUid: string;
  readonly namespace: string;
  /** Of the custom resource that holds this process's records. */
  readonly resourceName: string;
}

/** A pod's main container is the pod itself, so that both modes find each other. */
const mainContainer = "main";

export async function readPodIdentity(options: PodOptions): Promise<PodIdentity> {
  const folder = options.podInfoFolder ?? "/etc/podinfo";
  const podName = (await readInfo(folder, "pod_name")) ?? options.podName;
  const podUid = (await readInfo(folder, "pod_uid")) ?? options.podUid;
  const namespace = (await readInfo(folder, "pod_namespace")) ?? options.podNamespace ?? "default";
  if (podName === undefined) throw missing("POD_NAME", "metadata.name");
  if (podUid === undefined) throw missing("POD_UID", "metadata.uid");
  if (options.mode === "pod") return { podName, podUid, namespace, resourceName: podName };
  const { containerName } = options;
  if (containerName === undefined) {
    throw new InvalidArgumentError(
      "CONTAINER_NAME is not set, and DYN_KUBE_DISCOVERY_MODE=container needs it. Set it in the container's env.",
      { code: "DYN_DISCOVERY_NO_POD" },
    );
  }
  return { podName, podUid, namespace, resourceName: containerResource(podName, containerName) };
}

export function containerResource(podName: string, containerName: string): string {
  return containerName === mainContainer ? podName : `${podName}-${containerName}`;
}

/** 53 bits, so that JSON numbers hold it everywhere. */
export function resourceInstanceId(resourceName: string): bigint {
  const bytes = Buffer.from(resourceName);
  return sipHash13(Buffer.concat([bytes, Buffer.of(0xff)])) & 0x1f_ffff_ffff_ffffn;
}

async function readInfo(folder: string, name: string): Promise<string | undefined> {
  try {
    return (await readFile(join(folder, name), "utf8")).trim() || undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function missing(variable: string, field: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `${variable} is not set, and --discovery-backend kubernetes needs it. Set it in the pod's env from the field ${field}.`,
    { code: "DYN_DISCOVERY_NO_POD" },
  );
}
