// Jobs, job list and queues without script: forms post, and pages of running jobs refresh themselves.
import { expect, startJob, state, test } from "./support/milepost.ts";

test("job: is started, refreshes itself and is cancelled", async ({ page }) => {
  await page.goto("/new");
  await page.getByRole("main").getByRole("link", { name: "Demo" }).click();
  await page.getByLabel("Seconds", { exact: true }).fill("40");
  await page.getByRole("button", { name: "Start job" }).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  await expect(state(page)).toContainText(/Queued|Running/);
  expect(await page.content()).toContain('http-equiv="refresh"');
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page).toHaveURL(/\/jobs\/\d+/);
  await expect(state(page)).toContainText(/Cancel/);
  await page.reload();
  await expect(state(page)).toContainText("Cancelled");
  await expect(page.getByText(/Stopped (at once|after .*\d s)/)).toBeVisible();
});

test("job: a failed one is retried and deleted", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0, ending: "fail" });
  await expect.poll(async () => (await request.get(`/jobs/${job}`)).text()).toContain("Failed");
  await page.goto(`/jobs/${job}`);
  await page.getByRole("button", { name: "Retry" }).click();
  await expect(page.getByText("Attempt 2").first()).toBeVisible();
  await expect.poll(async () => (await request.get(`/jobs/${job}`)).text()).toContain("Failed");
  await page.goto(`/jobs/${job}`);
  await page.getByRole("link", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete job" }).click();
  expect((await request.get(`/jobs/${job}`)).status()).toBe(404);
});

test("job: a scheduled one is started now", async ({ page }) => {
  await page.goto("/new/demo");
  await page.getByLabel("Seconds", { exact: true }).fill("0");
  await page.getByText("Scheduling options").click();
  await page.getByLabel("Start at").fill("2100-01-01T06:30");
  await page.getByLabel("Priority").fill("12");
  await page.getByRole("button", { name: "Start job" }).click();
  await expect(page.getByText("is not a priority").first()).toBeVisible();
  await expect(page.getByLabel("Start at")).toHaveValue("2100-01-01T06:30");
  await page.getByLabel("Priority").fill("2");
  await page.getByRole("button", { name: "Start job" }).click();
  await expect(page.locator(".page-head .state")).toContainText("Scheduled");
  await page.getByRole("button", { name: "Start now" }).click();
  await expect(page.locator(".page-head .state")).toContainText("Succeeded");
});

test("job: is paused and resumes with its progress", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 20 });
  const bar = page.locator("main .milebar.hero");
  const value = async () => Number((await bar.locator("progress").getAttribute("value")) ?? "0");
  const reloaded = async () => {
    await page.goto(`/jobs/${job}`);
    return value();
  };
  await expect.poll(reloaded).toBeGreaterThan(25);
  await page.getByRole("button", { name: "Pause" }).click();
  // The page refreshes itself until the job is paused.
  await expect(state(page)).toContainText("Paused");
  await expect(bar).toHaveAttribute("data-state", "paused");
  const stopped = await value();
  expect(stopped).toBeGreaterThan(25);
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(state(page)).toContainText(/Queued|Running/);
  expect(await value()).toBeGreaterThan(stopped - 6);
  await expect(state(page)).toContainText("Succeeded", { timeout: 60_000 });
});

test("job list: is filtered and paged by its address", async ({ page, request }) => {
  for (let n = 0; n < 55; n += 1) await startJob(request, "demo", { seconds: 0 });
  await page.goto("/jobs");
  await page.getByRole("link", { name: /Older/ }).first().click();
  await expect(page.locator("tbody tr").first()).toBeVisible();
  await page.goto("/jobs");
  await page.getByRole("searchbox").fill("no job is called like this");
  await page.getByRole("searchbox").press("Enter");
  await expect(page.locator(".empty")).toBeVisible();
});

test("queues: a paused kind holds its jobs and resumes", async ({ page, request }) => {
  await page.goto("/queues");
  await page.getByRole("button", { name: "Pause the kind checksum" }).click();
  await expect(page).toHaveURL(/\/queues$/);
  const job = await startJob(request, "checksum", { folder: "archive" });
  await page.goto(`/jobs/${job}`);
  await expect(page.getByRole("heading", { name: "The task is paused" })).toBeVisible();
  await page.getByRole("link", { name: "View queues" }).click();
  await page.getByRole("button", { name: "Resume the kind checksum" }).click();
  await expect(page.getByRole("button", { name: "Pause the kind checksum" })).toBeVisible();
  await page.goto(`/jobs/${job}`);
  await expect(state(page)).toContainText("Succeeded");
});
