import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Schemas } from "../../src/api/client";
import { faultWords, isPicture } from "../../src/results/links";
import { viewFromParams } from "../../src/state/view";
import { alsoServe, problem } from "../server";
import { aladin, plotly, reset, setCard, setScreen } from "./recorders";
import { asked, open, SERVICE } from "./service";

vi.mock("aladin-lite", () => ({ default: aladin }));
vi.mock("plotly.js-basic-dist-min", () => ({ default: plotly }));

type Link = Schemas["Link"];

function link(semantics: string, more: Partial<Link> = {}): Link {
  return {
    access_url: `http://data.test/${semantics.slice(1)}.fits`,
    description: `About ${semantics}`,
    semantics,
    content_type: "application/fits",
    content_length: 95_040,
    content_qualifier: null,
    service_def: null,
    error: null,
    ...more,
  };
}

const picture = { content_type: "image/png", content_length: null };
const LINKS: Schemas["Links"] = {
  id: "ivo://x/~?run/0",
  document_url: "http://data.test/dl?ID=0",
  groups: [
    {
      semantics: "#this",
      label: "Event list",
      links: [link("#this", { content_qualifier: "event-list" })],
    },
    { semantics: "#preview-image", label: "Pictures", links: [link("#preview-image", picture)] },
    { semantics: "#thumbnail", label: "Small pictures", links: [link("#thumbnail", picture)] },
    {
      semantics: "#calibration",
      label: "Responses",
      links: ["aeff", "psf"].map((name) => link("#calibration", { content_qualifier: name })),
    },
    {
      semantics: "#package",
      label: "Bundles",
      links: [
        link("#package", {
          access_url: null,
          description: null,
          error: "AuthorizationFault: Withheld until 2030-01-01.",
        }),
      ],
    },
    { semantics: "#cutout", label: "Selections", links: [link("#cutout", { service_def: "svc" })] },
  ],
};

const opened = () => viewFromParams(new URLSearchParams(window.location.search), "own").open;

beforeEach(() => {
  reset();
  setCard(false);
  setScreen(true);
});

describe("the panel of links", () => {
  it("groups them by meaning, with sizes, pictures, and faults in words", async () => {
    const seen = open({}, { [`GET ${SERVICE}/links`]: LINKS });
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: "Links of event-list 900 Vela X" }));
    expect(opened()).toBe("ivo://x/~?run/0");
    const panel = await screen.findByRole("complementary", { name: /^Links/ });
    const inside = within(panel);
    expect(await inside.findByRole("heading", { name: "Event list #this" })).toBeTruthy();
    expect(asked(seen, "/links")[0]?.query.get("id")).toBe("ivo://x/~?run/0");
    expect(inside.getByText("event-list \u00b7 application/fits \u00b7 95 kB")).toBeTruthy();
    expect(inside.getAllByText("About #calibration")).toHaveLength(2);
    expect(
      inside.getByRole<HTMLImageElement>("img", { name: "About #preview-image" }).src,
    ).toContain("preview-image");
    expect(
      inside.getByText(/you do not have the right to it. Withheld until 2030-01-01/),
    ).toBeTruthy();
    // What has no words of its own is not called by its semantics a second time.
    expect(inside.getAllByText("#package")).toHaveLength(1);
    expect(inside.getByText(/a service with parameters/)).toBeTruthy();
    expect(inside.getByRole("link", { name: "The document (DataLink)" }).getAttribute("href")).toBe(
      LINKS.document_url,
    );
    await user.click(inside.getByRole("button", { name: "Close the links" }));
    expect(opened()).toBeNull();
  });
  it("is open where the address says so, and copies addresses", async () => {
    open({ open: "ivo://x/~?run/0" }, { [`GET ${SERVICE}/links`]: LINKS });
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: "Copy URL: About #this" }));
    expect(await navigator.clipboard.readText()).toBe("http://data.test/this.fits");
    expect(await screen.findByText("Copied")).toBeTruthy();
  });
  it("says what went wrong and asks again", async () => {
    const gone = () => problem(404, "no_dataset", "The service does not know this data set.");
    open({ open: "ivo://x/~?run/0" }, { [`GET ${SERVICE}/links`]: gone });
    const words = await screen.findByText(/does not know this data set/);
    alsoServe({ [`GET ${SERVICE}/links`]: { ...LINKS, groups: [] } });
    const alert = words.closest<HTMLElement>("[role=alert]") as HTMLElement;
    await userEvent.click(within(alert).getByRole("button", { name: "Try again" }));
    expect(await screen.findByText(/has no links for this data set/)).toBeTruthy();
  });
  it("shows no picture that cannot be shown, but its link", async () => {
    open({ open: "ivo://x/~?run/0" }, { [`GET ${SERVICE}/links`]: LINKS });
    const shown = await screen.findByRole("img", { name: "About #preview-image" });
    shown.dispatchEvent(new Event("error"));
    await waitFor(() =>
      expect(screen.queryByRole("img", { name: "About #preview-image" })).toBeNull(),
    );
    expect(screen.getByRole("link", { name: /it cannot be shown here/ })).toBeTruthy();
  });
});

describe("faults of DataLink", () => {
  it("are put into words, with what the service adds", () => {
    expect(faultWords("NotFoundFault: no such thing")).toBe("Not found. no such thing");
    expect(faultWords("AuthenticationFault")).toMatch(/^Only for people who are logged in/);
    expect(faultWords("TransientFault: come back")).toMatch(/try again later. come back$/);
    expect(faultWords("the tape is torn")).toBe("the tape is torn");
  });
});

describe("a picture", () => {
  it("is a preview of a kind that browsers show", () => {
    expect(isPicture(link("#preview", picture))).toBe(true);
    expect(isPicture(link("#preview", { content_type: "application/fits" }))).toBe(false);
    expect(isPicture(link("#this", picture))).toBe(false);
    expect(isPicture(link("#preview", { ...picture, access_url: null }))).toBe(false);
  });
});
