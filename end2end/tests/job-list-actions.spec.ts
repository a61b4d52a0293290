// Job list: rows that leave, filters that apply at once, actions in rows. Overview: dismissed jobs. Job page: a job that
// is deleted elsewhere.
import { type APIRequestContext, type Page } from "@playwright/test";
import { expect, startJob, test, waitUntilLive } from "./support/milepost.ts";

const row = (page: Page, job: number) => page.locator("tr", { hasText: new RegExp(`#${job}\\b`) });
const rows = (page: Page) => page.getByRole("region", { name: "Jobs" }).locator("tbody tr");
const tab = (page: Page, name: string) => page.getByRole("navigation", { name: "States" }).getByRole("link", { name: new RegExp(`^${name}`) });
const newJobs = (page: Page) => page.locator(".new-rows");

/** Starts a job and waits for its end. */
async function run(request: APIRequestContext, input: object = {}, kind = "demo"): Promise<number> {
  const job = await startJob(request, kind, kind === "demo" ? { seconds: 0, ...input } : input);
  await request.get(`/events?job=${job}&until=end`);
  return job;
}

test("running tab: an ended row is marked and leaves; counts, rows and footer agree", async ({ page, request }) => {
  const jobs = [await startJob(request, "demo", { seconds: 60 }), await startJob(request, "demo", { seconds: 60 })];
  await page.goto("/jobs?state=running&kind=demo");
  await waitUntilLive(page);
  await expect(rows(page)).toHaveCount(2);
  await expect(tab(page, "Running")).toContainText("2");
  await request.post("/api/cancel_job", { form: { id: String(jobs[0]) } });
  await expect(row(page, jobs[0]!)).toHaveAttribute("data-gone");
  await expect(row(page, jobs[0]!)).toContainText("Cancelled");
  await expect(rows(page)).toHaveCount(1);
  await expect(page.locator(".pager")).toContainText("1 job");
  await expect(tab(page, "Running")).toContainText("1");

  // The pointer keeps rows in place.
  await row(page, jobs[1]!).hover();
  await request.post("/api/cancel_job", { form: { id: String(jobs[1]) } });
  await expect(row(page, jobs[1]!)).toHaveAttribute("data-gone");
  await page.waitForTimeout(6_000);
  await expect(rows(page)).toHaveCount(1);
  await page.mouse.move(0, 0);
  await expect(rows(page)).toHaveCount(0);
  await expect(page.getByRole("heading", { name: "No matching jobs" })).toBeVisible();

  // Never an empty state beside new jobs.
  const next = await startJob(request, "demo", { seconds: 60 });
  await expect(newJobs(page)).toHaveText("Show 1 new job");
  await expect(page.locator(".empty")).toBeHidden();
  await newJobs(page).click();
  await expect(row(page, next)).toBeVisible();
});

test("job list: a choice applies at once, and tab counts follow it", async ({ page, request }) => {
  await run(request, { folder: "archive" }, "checksum");
  await page.goto("/jobs");
  await waitUntilLive(page);
  const all = Number(await tab(page, "All").locator(".count-badge").textContent());
  await run(request);
  await expect(tab(page, "All").locator(".count-badge")).toHaveText(String(all + 1));
  await page.getByLabel("Kind").selectOption("checksum");
  await expect(page).toHaveURL(/kind=checksum/);
  await waitUntilLive(page);
  const matching = tab(page, "All").locator(".count-badge");
  await expect(matching).toHaveText(String(await rows(page).count()));
  await expect(page.getByRole("button", { name: "Filter" })).toHaveCount(0);
  // A job of another task does not count, one of this task does.
  const before = Number(await matching.textContent());
  await run(request);
  await run(request, { folder: "archive" }, "checksum");
  await expect(matching).toHaveText(String(before + 1));
});

test("job list: rows cancel, retry, run again and delete in place", async ({ page, request }) => {
  const failed = await run(request, { ending: "fail" });
  for (let n = 0; n < 20; n += 1) await run(request);
  const running = await startJob(request, "demo", { seconds: 60 });
  await page.goto("/jobs?q=demo");
  await waitUntilLive(page);
  const address = page.url();
  await page.getByRole("button", { name: `Cancel #${running}`, exact: true }).click();
  await expect(row(page, running)).toContainText("Cancelled");
  await page.getByRole("button", { name: `Retry #${failed}`, exact: true }).scrollIntoViewIfNeeded();
  const scrolled = await page.evaluate(() => scrollY);
  expect(scrolled).toBeGreaterThan(0);
  await page.getByRole("button", { name: `Retry #${failed}`, exact: true }).click();
  await expect.poll(async () => (await request.get(`/jobs/${failed}`)).text()).toContain("Attempt 2");
  await expect(row(page, failed)).toContainText("Failed");
  await page.getByRole("button", { name: `Run again #${failed}`, exact: true }).click();
  await expect(newJobs(page)).toHaveText("Show 1 new job");

  const remove = page.getByRole("link", { name: `Delete #${failed}`, exact: true });
  await remove.click();
  const question = page.getByRole("dialog");
  await expect(question).toContainText(`Delete job #${failed}?`);
  await question.getByRole("button", { name: "Cancel" }).click();
  await expect(question).toBeHidden();
  await remove.click();
  await question.getByRole("button", { name: "Delete job" }).click();
  await expect(page.locator(".toast")).toContainText("The job was deleted.");
  expect((await request.get(`/jobs/${failed}`)).status()).toBe(404);
  await page.mouse.move(0, 0);
  await expect(row(page, failed)).toHaveCount(0);
  expect(page.url()).toBe(address);
  expect(await page.evaluate(() => scrollY)).toBeGreaterThan(0);
});

test("job list: an error can be closed, and goes when the server is back", async ({ page, request, context }) => {
  const job = await run(request);
  await run(request);
  await page.goto("/jobs");
  await waitUntilLive(page);
  const error = page.locator(".refusal");
  await request.post("/api/delete_job", { form: { id: String(job) } });
  await page.evaluate((id) => {
    // The row of another job, with the number of the deleted one.
    const button = document.querySelector<HTMLButtonElement>("[formaction$=rerun_job]:not([hidden])")!;
    button.form!.querySelector<HTMLInputElement>("[name=id]")!.value = String(id);
    button.click();
  }, job);
  await expect(error).toContainText("There is no job");
  await error.getByRole("button", { name: "Close" }).click();
  await expect(error).toBeHidden();

  const other = await run(request);
  await page.reload();
  await waitUntilLive(page);
  await context.setOffline(true);
  await page.getByRole("button", { name: `Run again #${other}`, exact: true }).click();
  await expect(error).toContainText("The request failed.");
  await context.setOffline(false);
  await expect(error).toBeHidden({ timeout: 40_000 });
});

test("overview: a dismissed job leaves the card and the badge", async ({ page, request }) => {
  const failed = await run(request, { ending: "fail" });
  const panicked = await run(request, { ending: "panic" });
  await page.goto("/");
  await waitUntilLive(page);
  const card = page.getByRole("region", { name: "Needs attention" });
  const badge = page.locator(".nav .alarm").first();
  const shown = async () => Number(/\d+/.exec((await badge.textContent()) ?? "")?.[0]);
  const before = await shown();
  await card.getByRole("button", { name: `Dismiss #${panicked}`, exact: true }).click();
  await expect(card.getByRole("link", { name: `Open #${panicked}`, exact: true })).toHaveCount(0);
  await expect.poll(shown).toBeLessThan(before);
  await expect(card.getByRole("button", { name: `Dismiss #${failed}`, exact: true })).toBeVisible();
  await run(request, { ending: "panic" });
  await page.reload();
  await card.getByRole("button", { name: "Dismiss all" }).click();
  await expect(card).toHaveCount(0);
  await expect(badge).toBeHidden();
});

test("job page: says that the job was deleted elsewhere", async ({ page, request }) => {
  const job = await run(request);
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  await expect(page.getByText("This job was deleted")).toBeHidden();
  await request.post("/api/delete_job", { form: { id: String(job) } });
  await expect(page.getByRole("alert").filter({ hasText: "This job was deleted" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Run again" })).toBeHidden();
});

test("job page: delete is confirmed by a toast on the list it came from", async ({ page, request }) => {
  const job = await run(request);
  await page.goto("/jobs?state=succeeded");
  await page.getByRole("region", { name: "Jobs" }).locator(`a[href="/jobs/${job}"]`).click();
  await waitUntilLive(page);
  await page.getByRole("link", { name: `Delete job #${job}` }).click();
  await page.getByRole("button", { name: "Delete job" }).click();
  await expect(page).toHaveURL(/\/jobs\?state=succeeded$/);
  await expect(page.locator(".flash")).toContainText(`Job #${job} was deleted.`);
  await expect(page.locator(".flash")).toBeHidden({ timeout: 15_000 });
});
