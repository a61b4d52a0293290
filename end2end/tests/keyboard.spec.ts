// Jobs by keyboard: every action by Tab, Enter and Escape, with visible focus.
import { tabTo } from "./support/keyboard.ts";
import { expect, startJob, state, test, waitUntilLive } from "./support/milepost.ts";

test("keyboard: a job is opened from the overview and cancelled", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  await expect.poll(async () => (await request.get(`/jobs/${job}`)).text()).toContain("Running");
  await page.goto("/");
  await waitUntilLive(page);
  await tabTo(page, page.locator("main tr", { hasText: `#${job}` }).getByRole("link").first());
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`/jobs/${job}$`));
  await waitUntilLive(page);
  await tabTo(page, page.getByRole("button", { name: "Cancel" }));
  await page.keyboard.press("Enter");
  await expect(state(page)).toContainText("Cancelled");
});

test("keyboard: focus stays in the actions after Cancel", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  await page.getByRole("button", { name: "Cancel" }).press("Enter");
  await expect(page.getByRole("button", { name: "Cancel" })).toHaveCount(0);
  await expect(page.locator(".page-head .actions :focus")).toHaveCount(1);
});

test("keyboard: Skip to content moves the focus to the main area", async ({ page }) => {
  await page.goto("/");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
});

test("keyboard: delete confirmation works and Escape keeps the job", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0 });
  await expect.poll(async () => (await request.get(`/jobs/${job}`)).text()).toContain("Succeeded");
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  const deleteLink = page.getByRole("link", { name: `Delete job #${job}` });
  const confirmation = page.getByRole("dialog", { name: `Delete job #${job}?` });
  await tabTo(page, deleteLink);
  await page.keyboard.press("Enter");
  await expect(confirmation).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(confirmation).toBeHidden();
  await expect(deleteLink).toBeFocused();
  expect((await request.get(`/jobs/${job}`)).status()).toBe(200);

  await page.keyboard.press("Enter");
  await tabTo(page, confirmation.getByRole("button", { name: "Delete job" }));
  await page.keyboard.press("Enter");
  await expect(page).not.toHaveURL(new RegExp(`/jobs/${job}`));
  expect((await request.get(`/jobs/${job}`)).status()).toBe(404);
});
