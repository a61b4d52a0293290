// Schedules with script: create, pause, run, edit and delete without reloading the page.
import { expect, test, waitUntilLive } from "./support/milepost.ts";

test("schedules: one is created, paused, run, edited and deleted", async ({ page }) => {
  await page.goto("/new/demo");
  await waitUntilLive(page);
  await page.getByRole("link", { name: "Create schedule" }).click();
  await waitUntilLive(page);
  await page.getByLabel("Name", { exact: true }).fill("Nightly");
  await page.getByLabel("Cron expression").fill("0 2 * * *");
  await page.getByLabel("Seconds", { exact: true }).fill("0");
  await page.getByRole("button", { name: "Save schedule" }).click();
  await expect(page).toHaveURL(/\/schedules\/\d+$/);
  const schedule = page.url();

  await waitUntilLive(page);
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.getByRole("button", { name: "Resume" })).toBeVisible();
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(page.getByRole("button", { name: "Pause" })).toBeVisible();
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);

  await page.goto(`${schedule}/edit`);
  await page.getByLabel("Name", { exact: true }).fill("Hourly");
  await page.getByRole("button", { name: "Save schedule" }).click();
  await expect(page).toHaveURL(schedule);
  await expect(page.getByRole("heading", { name: "Hourly" })).toBeVisible();
  await expect(page.locator("#history + .hint, tbody tr").first()).toBeVisible();

  await page.goto("/schedules");
  await waitUntilLive(page);
  await page.getByRole("button", { name: "Pause: Hourly" }).click();
  await expect(page.getByRole("button", { name: "Resume: Hourly" })).toBeVisible();

  await page.goto(schedule);
  await waitUntilLive(page);
  await page.getByRole("link", { name: "Delete Hourly" }).click();
  await page.getByRole("button", { name: "Delete schedule" }).click();
  await expect(page).toHaveURL(/\/schedules$/);
});
