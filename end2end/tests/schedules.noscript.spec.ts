// Schedules without script: create, pause, run, edit and delete by forms alone.
import { expect, test } from "./support/milepost.ts";

test("schedules: the form of a job continues with what was typed and uploaded", async ({ page }) => {
  await page.goto("/new/import-csv");
  const csv = { name: "orders.csv", mimeType: "text/csv", buffer: Buffer.from("id,price\n1,9.50\n") };
  await page.getByLabel("File", { exact: true }).setInputFiles(csv);
  await page.getByLabel("Table", { exact: true }).fill("orders");
  await page.getByRole("button", { name: "Create schedule" }).click();
  await expect(page.getByText("orders.csv, 16 B, uploaded")).toBeVisible();
  await expect(page.getByLabel("Table", { exact: true })).toHaveValue("orders");
  await expect(page.getByRole("alert").filter({ visible: true })).toHaveCount(0);
  await page.getByLabel("Cron expression").fill("@daily");
  await page.getByRole("button", { name: "Save schedule" }).click();
  await expect(page).toHaveURL(/\/schedules\/\d+$/);
  await page.getByRole("link", { name: /^Delete/ }).click();
  await page.getByRole("button", { name: "Delete schedule" }).click();
});

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
