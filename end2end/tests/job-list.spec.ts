// Job list and overview: live rows, new jobs, filters in the address, pinned jobs.
import { expect, startJob, test, waitUntilLive } from "./support/milepost.ts";

test("job list: rows update in place and new jobs wait for a click", async ({ page, request }) => {
  const running = await startJob(request, "demo", { seconds: 40 });
  await page.goto("/jobs");
  await waitUntilLive(page);
  const row = page.locator("tr", { hasText: `#${running}` });
  const value = async () => Number(await row.locator("progress").getAttribute("value"));
  await expect.poll(value).toBeGreaterThan(0);
  const early = await value();
  await expect.poll(value).toBeGreaterThan(early);

  const newer = await startJob(request, "demo", { seconds: 0 });
  const waiting = page.locator(".new-rows");
  await expect(waiting).toContainText("new");
  await expect(page.locator("tr", { hasText: `#${newer}` })).toHaveCount(0);
  await waiting.click();
  await expect(page.locator("tr", { hasText: `#${newer}` })).toBeVisible();

  await request.post("/api/cancel_job", { form: { id: String(running) } });
  await expect(page.locator("tr", { hasText: `#${running}` })).toContainText("Cancelled");
});

test("job list: filters are in the address and survive a reload", async ({ page, request }) => {
  const failed = await startJob(request, "demo", { seconds: 0, ending: "fail" });
  const fine = await startJob(request, "demo", { seconds: 0 });
  await expect.poll(async () => (await request.get(`/jobs/${failed}`)).text()).toContain("Failed");
  await page.goto("/jobs");
  await page.getByRole("navigation").getByRole("link", { name: /^Failed/ }).click();
  await expect(page.locator("tr", { hasText: `#${failed}` })).toBeVisible();
  await expect(page.locator("tr", { hasText: `#${fine}` })).toHaveCount(0);
  const address = page.url();
  expect(address).toContain("failed");
  await page.reload();
  expect(page.url()).toBe(address);
  await expect(page.locator("tr", { hasText: `#${failed}` })).toBeVisible();
});

test("sidebar: a pinned job is on every page", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0 });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  await page.getByRole("button", { name: "Pin", exact: true }).click();
  for (const path of ["/", "/jobs", "/new"]) {
    await page.goto(path);
    await expect(page.locator(`.watching a[href="/jobs/${job}"]`)).toBeVisible();
  }
});

test("overview: shows failed and running jobs", async ({ page, request }) => {
  const failed = await startJob(request, "demo", { seconds: 0, ending: "fail" });
  const running = await startJob(request, "demo", { seconds: 30 });
  await expect.poll(async () => (await request.get(`/jobs/${failed}`)).text()).toContain("Failed");
  await page.goto("/");
  await waitUntilLive(page);
  await expect(page.locator(".attention li", { has: page.locator(`a[href="/jobs/${failed}"]`) }).first()).toBeVisible();
  const row = page.locator("tr", { hasText: `#${running}` });
  await expect(row.locator("progress")).toHaveAttribute("value", /\d/);
  const later = await startJob(request, "demo", { seconds: 30 });
  await expect(page.locator("tr", { hasText: `#${later}` })).toBeVisible();
  for (const job of [running, later]) await request.post("/api/cancel_job", { form: { id: String(job) } });
});
