import { configure, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { addLocal, getLocal, removeLocal } from "../../src/basket/local";
import { dismissTransfer } from "../../src/basket/transfer";
import { ANONYMOUS, basket, expectAccessible, item, LOGGED_IN, show } from "../account/fixtures";
import { problem, serve } from "../server";
import { Baskets } from "./baskets";

// What a page says is enough; the whole page would hide it.
configure({ getElementError: (message) => new Error(message?.split("\n")[0]) });
const user = userEvent.setup();
const press = async (name: RegExp | string) =>
  user.click(await screen.findByRole("button", { name }));

beforeEach(() => {
  removeLocal(getLocal(true).items.map(({ service, did }) => [service, did]));
  dismissTransfer();
});

function served(...baskets: ReturnType<typeof basket>[]) {
  const server = new Baskets(baskets);
  return { server, seen: serve(server.routes()) };
}

describe("the browser's basket", () => {
  it("says what to do where it is empty", async () => {
    serve(ANONYMOUS);
    const { container } = show("/basket");
    await screen.findByText("This basket is empty.");
    const login = await screen.findByRole("link", { name: "Log in with Example Login" });
    expect(login.getAttribute("href")).toBe("/auth/login?next=%2Fbasket");
    await expectAccessible(container);
  });
  it("shows its data sets with sizes, and takes removing back", async () => {
    serve(ANONYMOUS);
    addLocal([item(1), { ...item(2), size: null }]);
    const { container } = show("/basket");
    await screen.findByText("2 data sets, at least 1.00 MB (of 1 the size is unknown)");
    await press("Remove Run 1");
    await screen.findByText("“Run 1” was removed.");
    expect(getLocal().items).toHaveLength(1);
    await expectAccessible(container);
    await press("Undo");
    expect(getLocal().items).toHaveLength(2);
  });
  it("takes notes", async () => {
    serve(ANONYMOUS);
    addLocal([item(1)]);
    show("/basket");
    await press("Note on Run 1");
    await user.type(screen.getByRole("textbox", { name: "Note on Run 1" }), "Look again");
    await press("Save");
    await screen.findByText("Look again");
    expect(getLocal().items[0]?.note).toBe("Look again");
  });
  it("is downloaded, with words where that fails", async () => {
    const seen = serve({
      ...ANONYMOUS,
      "POST /api/bundle": () => problem(503, "service_down", "Own archive does not answer."),
    });
    addLocal([item(1)]);
    show("/basket");
    await press(/Download all as one file/);
    await screen.findByText("Own archive does not answer.", { exact: false });
    const saved = vi.spyOn(HTMLAnchorElement.prototype, "click").mockReturnValue(undefined);
    URL.createObjectURL = () => "blob:here";
    URL.revokeObjectURL = () => undefined;
    serve({ ...ANONYMOUS, "POST /api/bundle": () => new Response("tar") });
    await press(/Try again/);
    await screen.findByText("Saved.");
    expect(saved).toHaveBeenCalledTimes(1);
    expect(seen.at(-1)?.body).toEqual({ items: [item(1)] });
  });
  it("is downloaded service by service", async () => {
    serve(ANONYMOUS);
    addLocal([item(1), item(2, "other")]);
    show("/basket");
    await screen.findByRole("button", { name: /Download all of Own archive as one file, 1.00 MB/ });
    await screen.findByRole("button", { name: /Download all of Other archive as one file/ });
  });
  it("shows a script", async () => {
    serve({
      ...ANONYMOUS,
      "POST /api/script": ({ query }: { query: URLSearchParams }) => ({
        language: query.get("language"),
        filename: "get.py",
        text: "print('data')",
      }),
    });
    addLocal([item(1)]);
    show("/basket");
    await press("Python");
    await screen.findByText("print('data')");
    await screen.findByRole("button", { name: "Download get.py" });
  });
  it("is shown where it is not known who is here", async () => {
    serve({ "GET /api/me": () => problem(403, "odd", "Not now.") });
    addLocal([item(1)]);
    show("/basket");
    await screen.findByText("Not now.", { exact: false });
    await screen.findByRole("button", { name: "Remove Run 1" });
  });
});

describe("a user's baskets", () => {
  it("are listed, and one is shown", async () => {
    served(basket(1, { items: [item(1), item(2)] }), basket(2));
    const { container } = show(`/basket/${basket(1).id}`);
    await screen.findByRole("heading", { name: "Basket 1" });
    const list = screen.getByRole("navigation", { name: "Baskets" });
    expect(within(list).getAllByRole("link")).toHaveLength(2);
    const link = screen.getByRole("link", { name: /Download all as one file/ });
    expect(link.getAttribute("href")).toBe(`/api/baskets/${basket(1).id}/bundle`);
    expect(screen.getByRole("link", { name: /preview job/ }).getAttribute("href")).toBe(
      `/jobs?basket=${basket(1).id}`,
    );
    await expectAccessible(container);
  });
  it("are made, renamed, noted, duplicated, and deleted after a question", async () => {
    const { server } = served();
    show("/basket");
    await user.type(await screen.findByRole("textbox", { name: "Name of a new basket" }), "Crab");
    await press("Create");
    await screen.findByRole("heading", { name: "Crab" });
    await press("Rename");
    const name = screen.getByRole("textbox", { name: "Name of the basket" });
    await user.clear(name);
    await user.type(name, "Crab 2004{Enter}");
    await screen.findByRole("heading", { name: "Crab 2004" });
    await press("Add a note");
    await user.type(screen.getByRole("textbox", { name: "Note on the basket" }), "For the talk");
    await press("Save");
    await screen.findByText("For the talk");
    await press("Duplicate");
    await screen.findByRole("heading", { name: "Copy" });
    await press("Delete the basket Copy");
    await press("Cancel");
    expect(server.all).toHaveLength(2);
    await press("Delete the basket Copy");
    await press("Delete the basket");
    await waitFor(() => expect(server.all.map((one) => one.name)).toEqual(["Crab 2004"]));
    await screen.findByRole("heading", { name: "Crab 2004" });
  });
  it("lose items and get them back", async () => {
    const { server } = served(basket(1, { items: [item(1), item(2), item(3)] }));
    show("/basket");
    await user.click(await screen.findByRole("checkbox", { name: "Choose Run 1" }));
    await user.click(screen.getByRole("checkbox", { name: "Choose Run 3" }));
    await press("Remove the 2 chosen");
    await screen.findByText("2 data sets were removed.");
    expect(server.all[0]?.items).toEqual([item(2)]);
    await press("Undo");
    await waitFor(() => expect(server.all[0]?.items).toHaveLength(3));
  });
  it("get a note on an item, and lose it", async () => {
    const { server } = served(basket(1, { items: [{ ...item(1), note: "old" }] }));
    show("/basket");
    await press("Note on Run 1");
    await user.clear(screen.getByRole("textbox", { name: "Note on Run 1" }));
    await press("Save");
    await waitFor(() => expect(screen.queryByText("old")).toBeNull());
    expect(server.all[0]?.items[0]?.note).toBe("");
  });
  it("are merged", async () => {
    const { server } = served(
      basket(1, { items: [item(1)] }),
      basket(2, { items: [item(1), item(2)] }),
    );
    show(`/basket/${basket(1).id}`);
    await user.click(await screen.findByText("Merge other baskets into this one"));
    await user.click(screen.getByRole("checkbox", { name: /Basket 2/ }));
    await press("Merge");
    await screen.findByText("1 data set came in; the other baskets stay as they are.");
    expect(server.find(basket(1).id)?.items).toHaveLength(2);
  });
  it("are shared, and no longer", async () => {
    served(basket(1, { items: [item(1)] }));
    show("/basket");
    await press(/Share by link/);
    const link = await screen.findByRole("textbox", { name: /Whoever has this link/ });
    expect((link as HTMLInputElement).value).toMatch(/\/basket\/shared\/token$/);
    await press(/Stop sharing/);
    await press("Stop sharing");
    await screen.findByText("The link works no longer.");
  });
  it("say why something did not work", async () => {
    const { server } = served(basket(1, { items: [item(1)] }));
    show("/basket");
    await screen.findByRole("heading", { name: "Basket 1" });
    server.away = true;
    await press("Remove Run 1");
    await screen.findByText(/The server cannot be reached/);
    expect(screen.getByRole("button", { name: "Remove Run 1" })).toBeTruthy();
  });
  it("tell what came along at login", async () => {
    served(basket(1, { name: "My basket" }));
    addLocal([item(1)]);
    const { container } = show("/basket");
    await screen.findByText("1 data set from this browser is now in your basket “My basket”.");
    await expectAccessible(container);
  });
  it("say that data sets wait while the server is away", async () => {
    const { server } = served(basket(1));
    server.away = true;
    addLocal([item(1)]);
    show("/basket");
    await screen.findByText(/could not be put into your basket and waits in this browser/);
    server.away = false;
    await user.click(screen.getAllByRole("button", { name: "Try again" })[0] as HTMLElement);
    await waitFor(() => expect(getLocal().items).toEqual([]));
  });
});

describe("a shared basket", () => {
  const shared = basket(9, { name: "Theirs", note: "Look", items: [item(1)] });
  it("can be read, and a copy kept", async () => {
    const server = new Baskets([]);
    serve({ ...server.routes(), "GET /api/shared/baskets/abc": shared });
    const { container } = show("/basket/shared/abc");
    await screen.findByRole("heading", { name: "Theirs" });
    expect(screen.queryByRole("button", { name: /Remove/ })).toBeNull();
    await expectAccessible(container);
    await press("Keep a copy");
    await screen.findByRole("link", { name: "Go to your basket" });
    expect(server.all[0]).toMatchObject({ name: "Theirs", note: "Look", items: [item(1)] });
  });
  it("goes into the browser's basket of those who are not logged in", async () => {
    serve({ ...ANONYMOUS, "GET /api/shared/baskets/abc": shared });
    show("/basket/shared/abc");
    await press("Put all into the basket of this browser");
    expect(getLocal().items).toEqual([item(1)]);
  });
  it("says that it is shared no longer", async () => {
    serve({
      ...LOGGED_IN,
      "GET /api/shared/baskets/abc": () =>
        problem(404, "no_basket", "This link shares no basket, or no longer does."),
    });
    show("/basket/shared/abc");
    await screen.findByText("This link shares no basket, or no longer does.", { exact: false });
  });
});
