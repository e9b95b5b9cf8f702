import { DynError, InvalidArgumentError } from "@dyn/protocol";

/** The model's own template cannot be used. `where` is a file, or "chat template". */
export class TemplateSourceError extends DynError {
  constructor(where: string, what: string, cause?: unknown) {
    super(`${where}: ${what}`, { code: "DYN_TEMPLATE_INVALID", status: 500, cause });
  }
}

/** These messages cannot be rendered by this template. */
export function templateRenderError(what: string, param: string, cause?: unknown) {
  return new InvalidArgumentError(what, {
    code: "DYN_TEMPLATE_RENDER_FAILED",
    param,
    ...(cause === undefined ? {} : { cause }),
  });
}
