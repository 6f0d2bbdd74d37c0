import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeEach } from "vitest";
import { install, serve } from "./server";

install();
// There is nothing to scroll without a window.
window.scrollTo = () => {};
// Slow machines, and pages that are loaded on demand, need more than the usual second.
configure({ asyncUtilTimeout: 10_000 });
beforeEach(() => {
  serve({});
  window.history.replaceState(null, "", "/");
  window.sessionStorage.clear();
  window.localStorage.clear();
});
afterEach(cleanup);
