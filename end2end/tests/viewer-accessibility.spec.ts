// Accessibility of the pages of a viewer, and of the page shown without access.
import { checkAccessibility } from "./support/accessibility.ts";
import { account, expectForbidden } from "./support/server-with-accounts.ts";
import { expect, test } from "./support/milepost.ts";

test.use({ role: "viewer" });

for (const path of ["/", "/jobs", "/queues", "/settings", "/about"]) {
  test(`accessibility for a viewer: ${path} has no violations`, async ({ page }) => {
    await page.goto(path);
    await expect(account(page)).toContainText("viewer");
    await checkAccessibility(page, path);
  });
}

test("accessibility for a viewer: page without access has no violations", async ({ page }) => {
  await expectForbidden(page, "/settings/users", "needs the role administrator");
  await checkAccessibility(page, "a page that is forbidden");
});
