import { describe, expect, it } from "vitest";
import { ApiError, client, data } from "../src/api/client";
import { makeQueryClient, shouldRetry } from "../src/api/queries";
import { problem, serve } from "./server";

describe("retry rules", () => {
  it("never repeat what the server refused", () => {
    for (const status of [400, 401, 403, 404, 422, 429])
      expect(shouldRetry(0, new ApiError("no", "refused", status))).toBe(false);
  });
  it("repeat faults of server and network, twice", () => {
    expect(shouldRetry(0, new ApiError("down", "service_down", 502))).toBe(true);
    expect(shouldRetry(1, new ApiError("gone", "unreachable", 0))).toBe(true);
    expect(shouldRetry(2, new ApiError("down", "service_down", 502))).toBe(false);
    expect(shouldRetry(0, new TypeError("a fault of the page"))).toBe(false);
  });
  it("make one request only where it was refused", async () => {
    const seen = serve({ "GET /api/config": () => problem(403, "forbidden", "Not for you.") });
    const asked = makeQueryClient().fetchQuery({
      queryKey: ["config"],
      queryFn: () => data(client.GET("/api/config")),
      retry: shouldRetry,
    });
    await expect(asked).rejects.toThrow("Not for you.");
    expect(seen).toHaveLength(1);
  });
});
