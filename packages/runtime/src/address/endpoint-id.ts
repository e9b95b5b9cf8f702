import { InvalidArgumentError } from "@dyn/protocol";

/** Where an endpoint is in the object model: `dyn://namespace.component.endpoint`. */
export interface EndpointId {
  readonly namespace: string;
  readonly component: string;
  readonly endpoint: string;
}

const scheme = "dyn://";
/** Names become parts of keys, subjects and paths, so separators of those are out. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

/** Throws an InvalidArgumentError that names the part and the rule. */
export function checkName(kind: "namespace" | "component" | "endpoint", name: string): void {
  if (namePattern.test(name)) return;
  throw new InvalidArgumentError(
    `The ${kind} name ${JSON.stringify(name)} is not valid: use letters, digits, "-" and "_", beginning with a letter or digit.`,
    { code: "DYN_RUNTIME_BAD_NAME" },
  );
}

/** Accepts `dyn://ns.component.endpoint` and `ns.component.endpoint`. */
export function parseEndpointId(text: string): EndpointId {
  const body = text.startsWith(scheme) ? text.slice(scheme.length) : text;
  const parts = body.split(".");
  const [namespace, component, endpoint] = parts;
  if (parts.length !== 3 || !namespace || !component || !endpoint) {
    throw new InvalidArgumentError(
      `The endpoint ${JSON.stringify(text)} is not of the form dyn://namespace.component.endpoint.`,
      { code: "DYN_RUNTIME_BAD_ENDPOINT" },
    );
  }
  checkName("namespace", namespace);
  checkName("component", component);
  checkName("endpoint", endpoint);
  return { namespace, component, endpoint };
}

/** `dyn://namespace.component.endpoint`. */
export function formatEndpointId(id: EndpointId): string {
  return `${scheme}${id.namespace}.${id.component}.${id.endpoint}`;
}

/** `namespace/component/endpoint`: how keys and paths spell it. */
export function endpointPath(id: EndpointId): string {
  return `${id.namespace}/${id.component}/${id.endpoint}`;
}
