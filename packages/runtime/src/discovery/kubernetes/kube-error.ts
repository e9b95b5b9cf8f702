import { DynError } from "@dyn/protocol";
import { z } from "zod";

const Status = z.looseObject({ code: z.number().optional(), message: z.string().optional() });

/** What the Kubernetes API refused, in its own words, with what helps. */
export class KubeError extends DynError {
  /** Of the API's answer. */
  readonly kubeStatus: number;

  constructor(kubeStatus: number, message: string) {
    super(message, {
      code: "DYN_DISCOVERY_REFUSED",
      status: 503,
      retryable: kubeStatus === 429 || kubeStatus >= 500,
    });
    this.kubeStatus = kubeStatus;
  }

  static fromAnswer(path: string, statusCode: number, text: string): KubeError {
    let words = text.slice(0, 500);
    try {
      words = Status.parse(JSON.parse(text)).message ?? words;
    } catch {
      // Not a Status of the API, as a proxy's error page: shown as it is.
    }
    const [resource] = path.split("?");
    return new KubeError(
      statusCode,
      `The Kubernetes API answered ${statusCode} to ${resource}: ${words}${remedy(statusCode)}`,
    );
  }

  /** The `object` of an ERROR event of a watch. */
  static fromStatus(path: string, status: unknown): KubeError {
    const { code = 500, message = "" } = Status.safeParse(status).data ?? {};
    return KubeError.fromAnswer(path, code, JSON.stringify({ message }));
  }
}

function remedy(statusCode: number): string {
  if (statusCode === 401) return " The pod's service account token is not accepted.";
  if (statusCode === 403) {
    return " The pod's role needs get, list and watch on endpointslices.discovery.k8s.io (pods in container mode), and get, list, watch, create, patch and delete on dynamoworkermetadatas.nvidia.com.";
  }
  if (statusCode === 404) return " Is the custom resource DynamoWorkerMetadata installed?";
  return "";
}
