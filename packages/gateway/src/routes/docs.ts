// GET /openapi.json, and /docs: the same for people, on a page that needs nothing from elsewhere.
import type { Route } from "../http/router.ts";
import { sendText } from "../http/send-json.ts";
import { createOpenApiDocument } from "../openapi/create-document.ts";
import { docsPage } from "../openapi/docs-page.ts";

/** `routes`: all that the document tells of. */
export function docsRoutes(routes: readonly Route[]): Route[] {
  let json: string | null = null;
  const own: Route[] = [
    {
      method: "GET",
      path: "/openapi.json",
      access: "open",
      doc: { tag: "Operation", summary: "This document." },
      handle: ({ response }) => {
        json ??= JSON.stringify(createOpenApiDocument([...routes, ...own]));
        sendText(response, 200, "application/json", json);
      },
    },
    {
      method: "GET",
      path: "/docs",
      access: "open",
      handle: ({ response }) => {
        response.writeHead(303, { location: "/docs/", "content-length": 0 });
        response.end();
      },
    },
    {
      method: "GET",
      path: "/docs/",
      access: "open",
      handle: ({ response }) => sendText(response, 200, "text/html; charset=utf-8", docsPage),
    },
  ];
  return own;
}
