// Display names with script: set in the profile and by an administrator, shown wherever a user is named.
import { checkAccessibility } from "./support/accessibility.ts";
import { account, expect, row, test } from "./support/server-with-accounts.ts";
import { startJob, waitUntilLive } from "./support/milepost.ts";
import { createAdministrator, createUser } from "./support/users.ts";

/** A name of the maximum length, without a place to break the line. */
const long = "Wilhelmina_Augusta_von_und_zu_Musterhausen-Beispielstadt-Süd";

test("display name: set in the profile, shown in the sidebar and on a job's page, kept after a reload", async ({ server, openBrowser, apiClient }) => {
  const first = await createAdministrator(server);
  const job = await startJob(await apiClient(first), "demo", { seconds: 0 });
  const page = await openBrowser(first);
  await page.goto("/settings");
  await waitUntilLive(page);
  const form = page.getByRole("form", { name: "Display name" });
  await expect(form.getByLabel("Display name")).toHaveAccessibleDescription(/the name you sign in with/);
  await form.getByLabel("Display name").fill(" Ada Lovelace ");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status").filter({ hasText: "You are now shown as Ada Lovelace." })).toBeVisible();
  for (const path of ["/settings", "/"]) {
    await page.goto(path);
    await expect(account(page)).toContainText("Ada Lovelace");
    await expect(account(page).getByTitle("ada", { exact: true })).toBeVisible();
    await expect(account(page).locator(".avatar")).toHaveText("AL");
  }
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  const startedBy = page.locator("dl.details > div", { hasText: "Started by" });
  await expect(startedBy.locator("dd")).toHaveText("Ada Lovelace");
  await page.reload();
  await expect(startedBy.locator("dd")).toHaveText("Ada Lovelace");
  const message = { form: { to: "everyone", text: "Down at ten" }, headers: { "sec-fetch-site": "same-origin" } };
  expect((await page.request.post("/api/send_message", message)).status()).toBe(200);
  await expect(page.locator(".toast b")).toHaveText("Ada Lovelace");
  await checkAccessibility(page, "a job of a user with a display name");
});

test("display name: an administrator renames a user, and both names are in the list", async ({ server, openBrowser }) => {
  const first = await createAdministrator(server);
  const mei = await createUser(server, first, "mei", "operator");
  const page = await openBrowser(first);
  await page.goto("/settings/users");
  await waitUntilLive(page);
  await row(page, "Users", "mei").getByLabel("More for mei").click();
  await row(page, "Users", "mei").getByRole("link", { name: "Display name of mei" }).click();
  const dialog = page.getByRole("dialog", { name: "Display name of mei" });
  await expect(dialog.getByLabel("Display name", { exact: true })).toBeFocused();
  await dialog.getByLabel("Display name", { exact: true }).fill("ADA");
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("alert")).toBeFocused();
  await expect(dialog.getByLabel("Display name", { exact: true })).toHaveAccessibleDescription(/Choose another one/);
  await expect(dialog.getByLabel("Display name", { exact: true })).toHaveValue("ADA");
  await checkAccessibility(page, "a rejected display name");
  await dialog.getByLabel("Display name", { exact: true }).fill(long);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status").filter({ hasText: `mei is now shown as ${long}.` })).toBeVisible();
  await expect(row(page, "Users", "mei")).toContainText(long);
  await expect(row(page, "Users", "mei").locator("small", { hasText: "mei" })).toBeVisible();
  await checkAccessibility(page, "the users with a long display name");

  const other = await openBrowser(mei);
  await other.goto("/settings");
  await expect(account(other)).toContainText(long);
  await checkAccessibility(other, "the profile with a long display name");
});
