// Schedules with script: create, pause, run, edit and delete without reloading the page.
import { expect, test, waitUntilLive } from "./support/milepost.ts";

test("schedules: one is created, paused, run, edited and deleted", async ({ page }) => {
  await page.goto("/new/demo");
  await waitUntilLive(page);
  await page.getByLabel("Seconds", { exact: true }).fill("0");
  await page.getByLabel("Reports per second").fill("soon");
  await page.getByText("Scheduling options").click();
  await page.getByLabel("Priority").fill("3");
  await page.getByRole("button", { name: "Create schedule" }).click();

  // What was typed is kept, and its errors wait until it is saved.
  await expect(page).toHaveURL(/\/schedules\/new\?kind=demo$/);
  await waitUntilLive(page);
  await expect(page.getByRole("alert")).toHaveCount(0);
  await expect(page.getByLabel("Seconds", { exact: true })).toHaveValue("0");
  await expect(page.getByLabel("Priority")).toHaveValue("3");
  await page.getByLabel("Name", { exact: true }).fill("Nightly");
  await page.getByRole("button", { name: "Save schedule" }).click();
  const summary = page.getByRole("alert");
  await expect(summary.getByRole("link")).toHaveText([/^Cron expression/, /^Reports per second/]);
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Nightly");
  await expect(page.getByLabel("Reports per second")).toHaveValue("soon");
  await expect(page.getByLabel("Priority")).toHaveValue("3");

  await page.getByLabel("Cron expression").fill("0 2 * * *");
  await page.getByLabel("Reports per second").fill("5");
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

test("schedules: what another user adds, pauses and deletes shows on open pages", async ({ context, page, request }) => {
  test.setTimeout(180_000);
  await page.goto("/schedules");
  await waitUntilLive(page);
  const other = await context.newPage();
  await other.goto("/schedules/new?kind=demo");
  await other.getByLabel("Name", { exact: true }).fill("Elsewhere");
  await other.getByLabel("Cron expression").fill("0 3 * * *");
  await other.getByRole("button", { name: "Save schedule" }).click();
  await expect(other).toHaveURL(/\/schedules\/\d+$/);
  await page.bringToFront();
  const link = page.getByRole("link", { name: "Elsewhere", exact: true });
  // Sooner than the minute after which pages are refreshed without an event.
  await expect(link).toBeVisible({ timeout: 45_000 });

  const id = (await link.getAttribute("href"))?.split("/").at(-1) ?? "";
  const detail = await context.newPage();
  await detail.goto(`/schedules/${id}`);
  await waitUntilLive(detail);
  await expect(detail.getByText("This schedule was deleted")).toBeHidden();
  const act = async (name: string) => expect((await request.post(`/api/${name}`, { form: { id } })).ok(), name).toBe(true);
  await act("pause_schedule");
  await expect(detail.getByRole("button", { name: "Resume" })).toBeVisible({ timeout: 45_000 });
  await act("delete_schedule");
  await expect(detail.getByRole("alert").filter({ hasText: "This schedule was deleted" })).toBeVisible({ timeout: 45_000 });
  await expect(detail.getByRole("button", { name: "Resume" })).toBeHidden();
});

test("schedules: a preview during an upload waits for it, and saves nothing", async ({ page }) => {
  await page.goto("/schedules/new?kind=import-csv");
  await waitUntilLive(page);
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/uploads?*", async (route) => {
    await released;
    await route.continue();
  });
  const csv = { name: "orders.csv", mimeType: "text/csv", buffer: Buffer.from("id,price\n1,9.50\n") };
  await page.getByLabel("File", { exact: true }).setInputFiles(csv);
  await page.getByLabel("Table", { exact: true }).fill("orders");
  await page.getByLabel("Cron expression").fill("@daily");
  await page.getByRole("button", { name: "Preview" }).click();
  await expect(page.getByRole("button", { name: "Preview" })).toHaveAttribute("aria-busy", "true");
  release();
  await expect(page.locator(".runs-ahead li")).toHaveCount(10);
  await expect(page.getByText("orders.csv, 16 B, uploaded")).toBeVisible();
  await page.goto("/schedules");
  await expect(page.getByRole("link", { name: "Import a CSV file" })).toHaveCount(0);
});

test("schedule page: a run has the actions of its job, in place", async ({ page, request }) => {
  await page.goto("/schedules/new?kind=demo");
  await page.getByLabel("Name", { exact: true }).fill("Weekly");
  await page.getByLabel("Cron expression").fill("0 3 * * 1");
  await page.getByLabel("Seconds", { exact: true }).fill("60");
  await page.getByRole("button", { name: "Save schedule" }).click();
  await expect(page).toHaveURL(/\/schedules\/\d+$/);
  const schedule = page.url();
  await waitUntilLive(page);
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  const job = /\d+$/.exec(page.url())![0];
  await page.goto(schedule);
  await waitUntilLive(page);
  const row = page.locator("tbody tr", { hasText: `#${job}` });
  await row.getByRole("button", { name: `Cancel #${job}`, exact: true }).click();
  await expect(row).toContainText("Cancelled");
  await row.getByRole("button", { name: `Retry #${job}`, exact: true }).click();
  await expect(row.getByRole("button", { name: `Cancel #${job}`, exact: true })).toBeVisible();
  await request.post("/api/cancel_job", { form: { id: job } });
  await row.getByRole("link", { name: `Delete #${job}`, exact: true }).click();
  const question = page.getByRole("dialog");
  await expect(question).toContainText(`Delete job #${job}?`);
  await question.getByRole("button", { name: "Delete job" }).click();
  await expect(row).toHaveCount(0);
  await expect(page.locator(".toast")).toContainText("The job was deleted.");
  await expect(page).toHaveURL(schedule);
  await page.getByRole("link", { name: "Delete Weekly" }).click();
  await expect(question).toContainText("Delete schedule");
});
