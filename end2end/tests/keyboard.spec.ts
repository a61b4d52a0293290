// Everything by Tab, Enter and Escape, and it can always be seen where one is.
import { tabTo } from "./keyboard.ts";
import { expect, live, startJob, state, test } from "./milepost.ts";

test("from the overview to a cancelled job by keyboard alone", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  await expect.poll(async () => (await request.get(`/jobs/${job}`)).text()).toContain("Running");
  await page.goto("/");
  await live(page);
  await tabTo(page, page.locator("main tr", { hasText: `#${job}` }).getByRole("link").first());
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`/jobs/${job}$`));
  await live(page);
  await tabTo(page, page.getByRole("button", { name: "Cancel" }));
  await page.keyboard.press("Enter");
  await expect(state(page)).toContainText("Cancelled");
});

test("whoever cancels by keyboard goes on from there, not from the top of the page", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  await page.goto(`/jobs/${job}`);
  await live(page);
  await page.getByRole("button", { name: "Cancel" }).press("Enter");
  await expect(page.getByRole("button", { name: "Cancel" })).toHaveCount(0);
  await expect(page.locator(".page-head .actions :focus")).toHaveCount(1);
});

test("the page can be begun at its content", async ({ page }) => {
  await page.goto("/");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
});

test("the question before deleting is answered by keyboard, and Escape keeps the job", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0 });
  await expect.poll(async () => (await request.get(`/jobs/${job}`)).text()).toContain("Succeeded");
  await page.goto(`/jobs/${job}`);
  await live(page);
  const ask = page.getByRole("link", { name: `Delete job #${job}` });
  const question = page.getByRole("dialog", { name: `Delete job #${job}?` });
  await tabTo(page, ask);
  await page.keyboard.press("Enter");
  await expect(question).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(question).toBeHidden();
  await expect(ask).toBeFocused();
  expect((await request.get(`/jobs/${job}`)).status()).toBe(200);

  await page.keyboard.press("Enter");
  await tabTo(page, question.getByRole("button", { name: "Delete job" }));
  await page.keyboard.press("Enter");
  await expect(page).not.toHaveURL(new RegExp(`/jobs/${job}`));
  expect((await request.get(`/jobs/${job}`)).status()).toBe(404);
});
