// Accessibility of the pages about accounts: empty, filled, with errors and with confirmations.
import { type Page } from "@playwright/test";
import { checkAccessibility } from "./support/accessibility.ts";
import { account, addUser } from "./support/server-with-accounts.ts";
import { expect, test } from "./support/milepost.ts";
import { createUser } from "./support/users.ts";

/** A name of the maximum length, without a place to break the line. */
const long = "wilhelmina_von_und_zu_musterhausen-ender";

const opened: Record<string, (page: Page) => Promise<unknown>> = {
  "the profile": (page) => page.goto("/settings"),
  "a new token": async (page) => {
    await page.goto("/settings");
    const form = page.getByRole("form", { name: "New token" });
    await form.getByLabel("Name").fill("nightly_import_of_everything");
    await form.getByRole("button", { name: "Create token" }).click();
    await expect(page.getByRole("status").filter({ hasText: "created" })).toBeVisible();
  },
  "the profile with errors": async (page) => {
    await page.goto("/settings");
    await page.getByRole("button", { name: "Change password" }).click();
    await expect(page.getByRole("alert")).toBeFocused();
  },
  "the list of users with a new link": (page) => addUser(page, `grace-${Date.now()}`, "viewer"),
  "the list of users with errors": async (page) => {
    await page.goto("/settings/users");
    const form = page.getByRole("form", { name: "Add a user" });
    await form.getByLabel("Name").fill("Grace Hopper");
    await form.getByRole("button", { name: "Add" }).click();
    await expect(form.getByRole("alert")).toBeFocused();
  },
  "the list of users with all menus open": async (page) => {
    await page.goto("/settings/users");
    for (const more of await page.locator("details.more > summary").all()) await more.click();
  },
  "the confirmation before a user is removed": async (page) => {
    await page.goto("/settings/users?confirm=remove-2");
    await expect(page.getByRole("dialog", { name: `Remove ${long}?` })).toBeVisible();
  },
  "the list of tasks": (page) => page.goto("/settings/tasks"),
  "the audit log": (page) => page.goto("/settings/audit"),
  "the empty audit log": (page) => page.goto("/settings/audit?who=mallory"),
  "the audit log with an invalid filter": (page) => page.goto("/settings/audit?job=seven&from=then"),
};

test.use({ role: "administrator" });
test.beforeAll(async ({ milepost, users }) => {
  await createUser(milepost, users!.pageUser, long, "operator");
});

for (const [what, open] of Object.entries(opened)) {
  test(`accessibility of accounts: ${what} has no violations`, async ({ page }) => {
    await open(page);
    await expect(account(page)).toContainText("ada");
    await checkAccessibility(page, what);
  });
}
