// Job page: what is in sight, full screen log, and buttons that keep their place.
import type { Page } from "@playwright/test";
import { expect, startJob, state, test, waitUntilLive } from "./support/milepost.ts";

async function box(page: Page, selector: string) {
  const found = await page.locator(selector).first().boundingBox();
  if (!found) throw new Error(`${selector} is not shown`);
  return found;
}

test("job page: twelve lines of the log are in sight at 1280 × 860 while a job runs", async ({ page, request }) => {
  await page.setViewportSize({ width: 1280, height: 860 });
  const job = await startJob(request, "demo", { seconds: 120 });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  const lines = await box(page, ".log .lines");
  const line = await box(page, ".log .line");
  const room = await page.locator(".log .lines").evaluate((element) => parseFloat(getComputedStyle(element).maxBlockSize));
  expect(lines.y + 12 * line.height).toBeLessThanOrEqual(860);
  expect(Math.min(room, 860 - lines.y) / line.height).toBeGreaterThanOrEqual(12);
  await request.post("/api/cancel_job", { form: { id: String(job) } });
});

test("job page: the end of a running job is a time of day beside the time left", async ({ page, request }) => {
  // The second run has an estimate from the first.
  await page.goto(`/jobs/${await startJob(request, "demo", { seconds: 3 })}`);
  await expect(state(page)).toContainText("Succeeded");
  const job = await startJob(request, "demo", { seconds: 30 });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  const left = page.locator(".progress .left");
  await expect(left).toContainText(/left.*done about \d\d:\d\d\s*$/s);
  await expect(left.locator("time").last()).toHaveAttribute("datetime", /^\d{4}-/);
  await request.post("/api/cancel_job", { form: { id: String(job) } });
  await expect(left).not.toContainText("done about");
});

for (const [width, height] of [[1600, 900], [1280, 860], [768, 900], [360, 740]] as const) {
  test(`job page: a second click at the place of Cancel starts nothing at ${width} px`, async ({ page, request }) => {
    await page.setViewportSize({ width, height });
    for (const pause of [100, 400, 700, 1_000]) {
      const job = await startJob(request, "demo", { seconds: 60 });
      await page.goto(`/jobs/${job}`);
      await waitUntilLive(page);
      await expect(state(page)).toContainText("Running");
      const button = page.getByRole("button", { name: "Cancel", exact: true });
      await button.click({ trial: true });
      const cancel = await button.boundingBox();
      if (!cancel) throw new Error("no Cancel");
      // Both ends and the middle of the button.
      for (const part of [0.1, 0.5, 0.9]) {
        await page.mouse.click(cancel.x + cancel.width * part, cancel.y + cancel.height / 2);
        await page.waitForTimeout(pause);
      }
      await expect(page).toHaveURL(new RegExp(`/jobs/${job}(\\?|$)`));
      await expect(state(page)).toContainText("Cancelled");
      const attempts = page.locator(".attempt");
      await page.goto(`/jobs/${job}`);
      await expect(attempts).toHaveCount(1);
    }
    const rows = await (await request.get("/jobs")).text();
    expect(rows, "no job was started again").not.toContain("Rerun");
  });
}

test("job page: buttons that changed ignore the pointer for a second", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 60 });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  await page.emulateMedia({ reducedMotion: "reduce" });
  const bar = page.locator(".job-actions > .actions");
  const pointer = () => bar.evaluate((element) => getComputedStyle(element).pointerEvents);
  expect(await pointer()).toBe("auto");
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await expect(page.getByRole("button", { name: "Retry" })).toBeVisible();
  expect(await pointer()).toBe("none");
  await expect.poll(pointer).toBe("auto");
  await page.getByRole("button", { name: "Retry" }).click();
  await expect(page.getByText("Attempt 2").first()).toBeVisible();
});

test("job log: full screen opens with a button and closes on Esc", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0 });
  await page.goto(`/jobs/${job}`);
  await expect(state(page)).toContainText("Succeeded");
  await page.reload();
  const before = await box(page, "#log");
  const size = page.viewportSize();
  await page.getByRole("button", { name: "Full screen" }).click();
  expect(await box(page, "#log")).toEqual({ x: 0, y: 0, width: size?.width, height: size?.height });
  await page.keyboard.press("Escape");
  expect((await box(page, "#log")).width).toBe(before.width);
  await expect(page.getByRole("button", { name: "Full screen" })).toBeFocused();
});

test("job log: the first error is marked and the link leads to it", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0, ending: "fail" });
  await page.goto(`/jobs/${job}`);
  await expect(state(page)).toContainText("Failed");
  await page.getByRole("link", { name: "First error" }).click();
  await expect(page).toHaveURL(/line=\d+#L\d+$/);
  await expect(page.locator(".log .line:target")).toHaveAttribute("data-level", "error");
  await expect(page.locator(".log .line:target")).toBeInViewport();
});

test("job page: no card is wider than the screen", async ({ page, request }) => {
  const jobs = [];
  for (let run = 0; run < 5; run += 1) jobs.push(await startJob(request, "demo", { seconds: 1, ending: run % 2 ? "fail" : "warn" }));
  const address = `/jobs/${jobs[4]}`;
  await page.goto(address);
  await expect(state(page)).toContainText(/Succeeded|Failed/);
  for (const width of [360, 768, 1280, 1600]) {
    await page.setViewportSize({ width, height: 900 });
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.goto(`${address}?preview=demo.txt`);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      if (process.env["SHOTS"]) await page.screenshot({ path: `${process.env["SHOTS"]}/job-${width}-${scheme}.png`, fullPage: true });
    }
  }
});
