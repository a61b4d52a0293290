// Base path: everything that a page loads, opens, posts or links to is below it.
import { join } from "node:path";
import { expect, Milepost, state, test, waitUntilLive } from "./support/milepost.ts";

test.describe("base path", () => {
  let milepost: Milepost;

  test.beforeAll(async () => {
    milepost = await new Milepost(["--base-path", "/milepost"]).start();
  });
  test.afterAll(async () => milepost.remove());

  test("pages, assets, streams and forms stay below it", async ({ browser }) => {
    const context = await browser.newContext({ baseURL: milepost.url });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("request", (request) => {
      const { protocol, pathname } = new URL(request.url());
      if (protocol === "http:" && !pathname.startsWith("/milepost/")) errors.push(`${request.method()} ${pathname}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400) errors.push(`${response.status()} ${response.url()}`);
    });

    await page.goto("/milepost/");
    await waitUntilLive(page);
    await page.getByRole("button", { name: /^Colour scheme/ }).click();
    expect(await context.cookies()).toMatchObject([{ name: "theme", path: "/milepost/" }]);
    await page.getByRole("link", { name: "New job" }).first().click();
    await page.getByRole("main").getByRole("link", { name: "Demo" }).click();
    await waitUntilLive(page);
    await page.getByLabel("Seconds", { exact: true }).fill("600");
    await page.getByRole("button", { name: "Start job" }).click();
    await expect(page).toHaveURL(/\/milepost\/jobs\/1$/);
    await waitUntilLive(page);
    await expect(state(page)).toHaveText(/Running/);
    // Cancelling changes the icon, which comes from the sprite.
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect(state(page)).toHaveText(/Cancelled/);
    await expect(page.locator(".page-head .state use")).toHaveAttribute("href", /^\/milepost\/icons\.svg#i-/);
    await page.getByRole("button", { name: "Run again" }).click();
    await expect(page).toHaveURL(/\/milepost\/jobs\/2$/);
    await waitUntilLive(page);

    await page.goto("/milepost/new/checksum");
    await waitUntilLive(page);
    await page.getByLabel("Folder", { exact: true }).focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("group", { name: "Folders on the server" })).toBeFocused();

    await page.goto("/milepost/new/import-csv");
    await waitUntilLive(page);
    await page.getByLabel("File", { exact: true }).setInputFiles(join(milepost.root, "orders.csv"));
    await expect(page.getByText(/^orders\.csv, .*, uploaded$/)).toBeVisible();
    expect(errors).toEqual([]);
    await context.close();
  });
});
