import { cleanup } from "@testing-library/react";
import { afterEach, beforeEach } from "vitest";
import { install, serve } from "./server";

install();
beforeEach(() => {
  serve({});
  window.history.replaceState(null, "", "/");
  window.sessionStorage.clear();
  window.localStorage.clear();
});
afterEach(cleanup);
