// Questions before what cannot be undone, and undo where it can.
import { type Page } from "@playwright/test";
import { expect, startJob, state, waitUntilLive } from "./support/milepost.ts";
import { account, row, signIn, test as withAccounts } from "./support/server-with-accounts.ts";
import { createAdministrator } from "./support/users.ts";
import { startWaiting, test } from "./support/without-checkpoints.ts";

const question = (page: Page, name: string) => page.getByRole("dialog", { name });
/** The number of requests to a server function. */
const count = (page: Page, action: string) => {
  const sent: string[] = [];
  page.on("request", (request) => request.url().endsWith(`/api/${action}`) && sent.push(request.url()));
  return sent;
};

test("job page: cancel of a task without checkpoints asks first", async ({ page, request }) => {
  const job = await startWaiting(request);
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  const sent = count(page, "cancel_job");
  const ask = page.getByRole("link", { name: "Cancel", exact: true });
  const dialog = question(page, `Cancel job #${job}?`);
  await ask.press("Enter");
  await expect(dialog).toContainText("a retry starts from the beginning");
  await expect(dialog.getByRole("link", { name: "Keep job" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(ask).toBeFocused();
  await ask.click();
  await dialog.getByRole("link", { name: "Keep job" }).click();
  await expect(dialog).toBeHidden();
  await expect(ask).toBeFocused();
  expect(sent).toEqual([]);
  expect(page.url()).toMatch(/\/jobs\/\d+$/);

  await ask.click();
  await dialog.getByRole("button", { name: "Cancel job" }).dblclick();
  await expect(state(page)).toContainText("Cancelled");
  await expect(dialog).toBeHidden();
  await expect(page.locator(".page-head .refusal")).toBeHidden();
  expect(sent).toHaveLength(1);
  expect(await page.evaluate(() => document.activeElement?.tagName), "the focus stays in the actions").not.toBe("BODY");
});

test("job page: an open question goes when the job ends", async ({ page, request }) => {
  const job = await startWaiting(request);
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  await page.getByRole("link", { name: "Cancel", exact: true }).click();
  await request.post("/api/cancel_job", { form: { id: String(job) } });
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Retry" })).toBeVisible();
});

test("job list: cancel in a row asks for a task without checkpoints, and only for that", async ({ page, request }) => {
  const waiting = await startWaiting(request);
  const demo = await startJob(request, "demo", { seconds: 60 });
  await page.goto("/jobs");
  await waitUntilLive(page);
  await page.getByRole("button", { name: `Cancel #${demo}`, exact: true }).click();
  await expect(page.locator("tr", { hasText: `#${demo}` })).toContainText("Cancelled");
  await page.getByRole("link", { name: `Cancel #${waiting}`, exact: true }).click();
  const dialog = question(page, `Cancel job #${waiting}?`);
  await dialog.getByRole("button", { name: "Keep job" }).click();
  await expect(dialog).toBeHidden();
  await page.getByRole("link", { name: `Cancel #${waiting}`, exact: true }).click();
  await dialog.getByRole("button", { name: "Cancel job" }).click();
  await expect(page.locator("tr", { hasText: `#${waiting}` })).toContainText("Cancelled");
  await expect(page).toHaveURL(/\/jobs$/);
});

test("queues: a paused queue can be resumed from a toast", async ({ page }) => {
  await page.goto("/queues");
  await waitUntilLive(page);
  const resume = page.getByRole("button", { name: "Resume the queue default" });
  const pause = page.getByRole("button", { name: "Pause the queue default" });
  const toast = page.locator(".toast");
  const sent = count(page, "resume_queue");
  await pause.click();
  await expect(toast).toContainText("Queue “default” is paused.");
  await expect(resume).toBeVisible();
  await toast.getByRole("button", { name: "Undo" }).dblclick();
  await expect(pause).toBeVisible();
  await expect(pause).toBeFocused();
  await expect(toast).toHaveCount(0);
  expect(sent).toHaveLength(1);

  await page.getByRole("button", { name: "Pause the kind demo" }).click();
  await expect(toast).toContainText("Task “Demo” is paused.");
  await toast.getByRole("button", { name: "Close" }).click();
  await expect(toast).toHaveCount(0);
  await page.getByRole("button", { name: "Resume the kind demo" }).click();
  await expect(page.getByRole("button", { name: "Pause the kind demo" })).toBeVisible();
  await expect(toast, "a resume needs no undo").toHaveCount(0);
});

withAccounts("settings: revoke and sign-out everywhere ask first", async ({ server, openBrowser }) => {
  const page = await openBrowser(await createAdministrator(server));
  await page.goto("/settings");
  const form = page.getByRole("form", { name: "New token" });
  await form.getByLabel("Name").fill("<b>nightly</b>");
  await form.getByRole("button", { name: "Create token" }).click();
  await page.goto("/settings");
  const revoke = row(page, "API tokens", "<b>nightly</b>").getByRole("link", { name: "Revoke" });
  const dialog = question(page, "Revoke token “<b>nightly</b>”?");
  const sent = count(page, "revoke_token");
  await waitUntilLive(page);
  await revoke.press("Enter");
  await expect(dialog.getByRole("link", { name: "Cancel" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(revoke).toBeFocused();
  expect(sent).toEqual([]);
  await revoke.click();
  await dialog.getByRole("button", { name: "Revoke" }).dblclick();
  await expect(page.getByRole("status").filter({ hasText: "Token revoked" })).toBeVisible();
  expect(sent).toHaveLength(1);
  await expect(page).toHaveURL(/\/settings$/);

  const second = await openBrowser();
  await second.goto("/settings");
  await signIn(second, "ada");
  await expect(account(second)).toBeVisible();
  await page.reload();
  await waitUntilLive(page);
  await page.getByRole("link", { name: "Sign out everywhere else" }).click();
  const everywhere = question(page, "Sign out everywhere else?");
  await everywhere.getByRole("link", { name: "Cancel" }).click();
  await expect(everywhere).toBeHidden();
  await second.reload();
  await expect(account(second)).toBeVisible();
  await page.getByRole("link", { name: "Sign out everywhere else" }).click();
  await everywhere.getByRole("button", { name: "Sign out everywhere else" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Signed out 1 other session" })).toBeVisible();
});
