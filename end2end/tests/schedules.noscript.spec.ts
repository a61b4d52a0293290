// Schedules without script: create, pause, run, edit and delete by forms alone.
import { expect, test } from "./support/milepost.ts";

test("schedules: one is created, paused, run, edited and deleted", async ({ page }) => {
  await page.goto("/schedules");
  await page.getByRole("main").getByRole("link", { name: "New schedule" }).click();
  await page.getByRole("main").getByRole("link", { name: "Demo" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Nightly");
  await page.getByLabel("Cron expression").fill("61 2 * * *");
  await page.getByLabel("Seconds", { exact: true }).fill("0");
  await page.getByRole("button", { name: "Save schedule" }).click();
  await expect(page.getByRole("alert")).toContainText("Not saved");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Nightly");

  await page.getByLabel("Cron expression").fill("0 2 * * *");
  await page.getByLabel("Time zone").selectOption("Europe/Prague");
  await page.getByRole("button", { name: "Preview" }).click();
  await expect(page.locator(".runs-ahead li")).toHaveCount(10);
  await expect(page.locator(".runs-ahead li").first()).toContainText("02:00");
  await page.getByRole("button", { name: "Save schedule" }).click();
  await expect(page).toHaveURL(/\/schedules\/\d+$/);
  const schedule = page.url();

  await page.getByRole("button", { name: "Pause" }).click();
  await page.goto(schedule);
  await expect(page.getByText("Paused").first()).toBeVisible();
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  await page.getByRole("link", { name: "Nightly" }).click();
  await expect(page).toHaveURL(schedule);

  await page.getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Hourly");
  await page.getByLabel("Cron expression").fill("0 * * * *");
  await page.getByRole("button", { name: "Save schedule" }).click();
  await expect(page.getByRole("heading", { name: "Hourly" })).toBeVisible();

  await page.getByRole("link", { name: "Delete Hourly" }).click();
  await page.getByRole("button", { name: "Delete schedule" }).click();
  await expect(page).toHaveURL(/\/schedules$/);
  await expect(page.getByText("No schedules")).toBeVisible();
});
