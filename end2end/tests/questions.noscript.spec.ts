// Questions without script: the link leads to a page that asks beside it, and the form returns to the page.
import { type Locator } from "@playwright/test";
import { expect, state } from "./support/milepost.ts";
import { account, addUser, row, signIn, test as withAccounts } from "./support/server-with-accounts.ts";
import { createAdministrator } from "./support/users.ts";
import { startWaiting, test } from "./support/without-checkpoints.ts";

/** Checks that a question is shown right below what asked it. */
async function expectBelow(dialog: Locator, link: Locator) {
  const [asked, link_] = [await dialog.boundingBox(), await link.boundingBox()];
  const gap = asked!.y - (link_!.y + link_!.height);
  expect(gap).toBeGreaterThanOrEqual(0);
  expect(gap).toBeLessThan(60);
}

test("job page: cancel of a task without checkpoints asks on a page of its own address", async ({ page, request }) => {
  const job = await startWaiting(request);
  await page.goto("/jobs");
  await page.getByRole("link", { name: `Cancel #${job}`, exact: true }).click();
  await expect(page).toHaveURL(`/jobs/${job}?confirm=cancel`);
  const dialog = page.getByRole("dialog", { name: `Cancel job #${job}?` });
  await expect(dialog.getByRole("link", { name: "Keep job" })).toBeFocused();
  await expectBelow(dialog, page.getByRole("link", { name: "Cancel", exact: true }));
  await dialog.getByRole("link", { name: "Keep job" }).click();
  await expect(page, "back to the list").toHaveURL("/jobs");

  await page.goto(`/jobs/${job}`);
  await page.getByRole("link", { name: "Cancel", exact: true }).click();
  await dialog.getByRole("button", { name: "Cancel job" }).click();
  await expect(page, "without the question").toHaveURL(`/jobs/${job}`);
  await expect(state(page)).toContainText(/Cancel/);
  await expect(dialog).toHaveCount(0);
});

test("queues: the page after a pause offers to undo it", async ({ page }) => {
  await page.goto("/queues");
  await page.getByRole("button", { name: "Pause the queue default" }).click();
  const notice = page.getByRole("region", { name: "Notices" });
  await expect(notice).toContainText("Queue “default” is paused.");
  await notice.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("button", { name: "Pause the queue default" })).toBeVisible();
  await expect(notice).toHaveCount(0);
  await page.getByRole("button", { name: "Pause the kind demo" }).click();
  await expect(notice).toContainText("Task “Demo” is paused.");
  await notice.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("button", { name: "Pause the kind demo" })).toBeVisible();
});

withAccounts("settings: revoke, sign-out everywhere and removal ask below their link", async ({ server, openBrowser }) => {
  const page = await openBrowser(await createAdministrator(server));
  await page.goto("/settings");
  const form = page.getByRole("form", { name: "New token" });
  await form.getByLabel("Name").fill("nightly");
  await form.getByRole("button", { name: "Create token" }).click();
  await page.goto("/settings");
  const token = row(page, "API tokens", "nightly");
  await token.getByRole("link", { name: "Revoke" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("link", { name: "Cancel" })).toBeFocused();
  await expectBelow(dialog, token.getByRole("link", { name: "Revoke" }));
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByRole("status")).toContainText("Token revoked");
  await expect(page).toHaveURL("/settings");

  const second = await openBrowser();
  await second.goto("/settings");
  await signIn(second, "ada");
  await expect(account(second)).toBeVisible();
  await page.goto("/settings");
  const everywhere = page.getByRole("link", { name: "Sign out everywhere else" });
  await everywhere.click();
  await expectBelow(dialog, everywhere);
  await dialog.getByRole("button", { name: "Sign out everywhere else" }).click();
  await expect(page.getByRole("status")).toContainText("Signed out 1 other session");

  await addUser(page, "otto", "operator");
  const user = row(page, "Users", "otto");
  for (const [name, title, done] of [
    ["Sign out everywhere", "Sign out otto everywhere?", "otto"],
    ["Remove", "Remove otto?", "removed"],
  ] as const) {
    await page.goto("/settings/users");
    await user.getByLabel("More for otto").click();
    await user.getByRole("link", { name }).click();
    await expect(page.getByRole("dialog", { name: title })).toBeVisible();
    await expectBelow(dialog, user.getByLabel("More for otto"));
    await dialog.getByRole("button", { name }).click();
    await expect(page.getByRole("status")).toContainText(done);
  }
});
