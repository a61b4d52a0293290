// Get started: the first administrator lands on an overview that shows what to do first, with script and without.
import { checkAccessibility } from "./support/accessibility.ts";
import { choosePassword, expect, test } from "./support/server-with-accounts.ts";
import { createAdministrator } from "./support/users.ts";

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with script" : "without script", () => {
    test.use({ javaScriptEnabled });

    test("get started: leads the first administrator through the first steps", async ({ page, server }) => {
      await page.goto(server.setupLink);
      await choosePassword(page, "Create account", "ada");
      const card = page.getByRole("region", { name: "Get started" });
      const step = (text: string) => card.getByRole("listitem").filter({ hasText: text });
      await expect(card.getByRole("listitem")).toHaveCount(3);
      // The server under test has a root besides the default.
      await expect(step("Connect a folder")).toContainText(`Done: Connect a folder Tasks can read ${server.root}.`);
      for (const line of await card.getByRole("listitem").all()) {
        expect((await line.boundingBox())?.height, await line.innerText()).toBeLessThan(50);
      }
      await expect(page.getByRole("button", { name: "Start the demo" }), "offered once").toHaveCount(1);
      await step("Run a first job").getByRole("button", { name: "Start the demo" }).dblclick();
      await expect(page).toHaveURL(/\/jobs\/1$/);

      await page.goto("/");
      await expect(step("Run a first job")).toContainText("Done:");
      await step("Add users").getByRole("button", { name: "Schedule backup" }).dblclick();
      await step("Add users").getByRole("link", { name: "Nightly backup" }).click();
      await expect(page).toHaveURL(/\/schedules\/1$/);
      await expect(page.getByRole("main")).toContainText("Every day at 02:00");

      await page.goto("/");
      await step("Add users").getByRole("link", { name: "Add users" }).click();
      await expect(page).toHaveURL(/\/settings\/users$/);
      await page.goto("/");
      await card.getByRole("button", { name: "Hide" }).click();
      await expect(card).toHaveCount(0);
      await expect(page).toHaveURL(/\/$/);
      await page.reload();
      await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
      await expect(card).toHaveCount(0);
    });
  });
}

test("get started: the steps follow the page without a reload, and have no violations", async ({ server, openBrowser, apiClient }) => {
  const ada = await createAdministrator(server);
  const page = await openBrowser(ada);
  await page.goto("/");
  await page.locator("html[data-live=on]").waitFor();
  const demo = page.getByRole("region", { name: "Get started" }).getByRole("listitem").filter({ hasText: "Run a first job" });
  await expect(demo).not.toContainText("Done:");
  const request = await apiClient(ada);
  expect((await request.post("/api/start_job", { form: { kind: "demo", input: '{"seconds":0}' } })).status()).toBe(200);
  await expect(demo).toContainText("Done:");
  await checkAccessibility(page, "the overview with first steps");
});
