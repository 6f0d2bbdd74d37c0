import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

it("the page's icon is our own, and is there", () => {
  const page = new DOMParser().parseFromString(readFileSync("index.html", "utf8"), "text/html");
  const links = [...page.querySelectorAll<HTMLLinkElement>('link[rel="icon"]')];
  expect(links.map((link) => [link.type, link.getAttribute("href")])).toEqual([
    ["image/svg+xml", "/favicon.svg"],
  ]);
  const icon = readFileSync("public/favicon.svg", "utf8");
  expect(icon.length).toBeLessThan(2000);
  const drawn = new DOMParser().parseFromString(icon, "image/svg+xml").documentElement;
  expect(drawn.nodeName).toBe("svg");
  expect(drawn.getAttribute("viewBox")).toBe("0 0 32 32");
});
