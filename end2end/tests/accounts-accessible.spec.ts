// The pages about accounts, empty and full, with faults and questions: accessible in both schemes and on a phone.
import { type Page } from "@playwright/test";
import { check } from "./accessible.ts";
import { account, addUser } from "./house.ts";
import { expect, test } from "./milepost.ts";
import { add } from "./people.ts";

/** As long as a name may be, and nowhere to break it. */
const long = "wilhelmina_von_und_zu_musterhausen-ender";

const opened: Record<string, (page: Page) => Promise<unknown>> = {
  "the profile": (page) => page.goto("/settings"),
  "a token just made": async (page) => {
    await page.goto("/settings");
    const form = page.getByRole("form", { name: "New token" });
    await form.getByLabel("Name").fill("nightly_import_of_everything");
    await form.getByRole("button", { name: "Create token" }).click();
    await expect(page.getByRole("status").filter({ hasText: "created" })).toBeVisible();
  },
  "a profile with faults": async (page) => {
    await page.goto("/settings");
    await page.getByRole("button", { name: "Change password" }).click();
    await expect(page.getByRole("alert")).toBeFocused();
  },
  "the list of users with a link just made": (page) => addUser(page, `grace-${Date.now()}`, "viewer"),
  "the list of users with faults": async (page) => {
    await page.goto("/settings/users");
    const form = page.getByRole("form", { name: "Add a user" });
    await form.getByLabel("Name").fill("Grace Hopper");
    await form.getByRole("button", { name: "Add" }).click();
    await expect(form.getByRole("alert")).toBeFocused();
  },
  "the list of users with everything open": async (page) => {
    await page.goto("/settings/users");
    for (const more of await page.locator("details.more > summary").all()) await more.click();
  },
  "the question before somebody is removed": async (page) => {
    await page.goto("/settings/users?remove=2");
    await expect(page.getByRole("dialog", { name: `Remove ${long}?` })).toBeVisible();
  },
  "the list of tasks": (page) => page.goto("/settings/tasks"),
  "the audit log": (page) => page.goto("/settings/audit"),
  "the audit log without a line": (page) => page.goto("/settings/audit?who=nobody-at-all"),
  "the audit log with a filter that is none": (page) => page.goto("/settings/audit?job=seven&from=then"),
};

test.use({ role: "administrator" });
test.beforeAll(async ({ milepost, people }) => {
  await add(milepost, people!.visitor, long, "operator");
});

for (const [what, open] of Object.entries(opened)) {
  test(`${what} is accessible`, async ({ page }) => {
    await open(page);
    await expect(account(page)).toContainText("ada");
    await check(page, what);
  });
}
