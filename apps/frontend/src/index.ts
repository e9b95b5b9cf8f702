export { type FrontendContext, type RunningFrontend, startFrontend } from "./start-frontend.ts";
