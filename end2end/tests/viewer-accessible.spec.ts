// The pages of a viewer, from which much is left out, and what stands in place of those they may not see.
import { check } from "./accessible.ts";
import { account, expectForbidden } from "./house.ts";
import { expect, test } from "./milepost.ts";

test.use({ role: "viewer" });

for (const path of ["/", "/jobs", "/queues", "/settings"]) {
  test(`${path} is accessible to a viewer`, async ({ page }) => {
    await page.goto(path);
    await expect(account(page)).toContainText("viewer");
    await check(page, path);
  });
}

test("what a viewer may not see is said accessibly", async ({ page }) => {
  await expectForbidden(page, "/settings/users", "needs the role administrator");
  await check(page, "a page that is forbidden");
});
