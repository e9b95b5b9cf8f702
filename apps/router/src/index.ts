export { type RouterContext, type RunningRouter, startRouter } from "./start-router.ts";
