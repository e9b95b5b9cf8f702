import { ArgsError } from "../args-error.ts";

/** `namespace.component.endpoint` in its parts. */
export interface EndpointName {
  readonly namespace: string;
  readonly component: string;
  readonly endpoint: string;
}

/** Reads `dyn://ns.component.endpoint`; the scheme may be left out. */
export function parseEndpointName(text: string, flag = "--endpoint"): EndpointName {
  const parts = text.replace(/^dyn:\/\//, "").split(".");
  const [namespace, component, endpoint] = parts;
  if (parts.length !== 3 || !namespace || !component || !endpoint) {
    throw new ArgsError(
      "INVALID_VALUE",
      `${flag} cannot be "${text}". Expected three parts with dots between, like dyn://dynamo.backend.generate.`,
      { flag },
    );
  }
  return { namespace, component, endpoint };
}

export function formatEndpointName({ namespace, component, endpoint }: EndpointName): string {
  return `dyn://${namespace}.${component}.${endpoint}`;
}
