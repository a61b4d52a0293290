// Crash recovery: the server is killed during a job and starts again.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { binary, expect, Milepost, startJob, state, test, waitUntilLive } from "./support/milepost.ts";

test("crash recovery: after SIGKILL a job without attempts is interrupted, and a retry continues", async ({ page, playwright }) => {
  const milepost = await new Milepost().start();
  const request = await playwright.request.newContext({ baseURL: milepost.url });
  try {
    const job = await startJob(request, "demo", { seconds: 30, attempts: 1 });
    await page.goto(`${milepost.url}/jobs/${job}`);
    await waitUntilLive(page);
    await expect.poll(() => page.locator(".log .line").count()).toBeGreaterThan(0);
    const bar = page.locator("main .milebar.hero progress");
    await expect.poll(async () => Number(await bar.getAttribute("value"))).toBeGreaterThan(3);
    await page.waitForTimeout(700); // progress reaches the disk twice a second

    await milepost.kill();
    await expect(page.locator(".link")).not.toHaveAttribute("data-link", "live");
    await milepost.start();
    await expect(state(page)).toContainText("Interrupted", { timeout: 35_000 });
    await expect(page.locator(".link")).toHaveAttribute("data-link", "live");

    await page.reload();
    await waitUntilLive(page);
    expect(Number(await bar.getAttribute("value"))).toBeGreaterThan(1);
    expect(await page.locator(".log .line").count()).toBeGreaterThan(0);
    await expect(page.getByRole("region", { name: "The worker died" })).toContainText(/Retry continues at \d+\s%\./);
    await page.getByRole("button", { name: "Retry" }).click();
    await expect(state(page)).toContainText("Running");
    await request.post("/api/cancel_job", { form: { id: String(job) } });
  } finally {
    await milepost.remove();
  }
});

test("crash recovery: after SIGKILL a job with checkpoints continues by itself", async ({ page, playwright }) => {
  const milepost = await new Milepost().start();
  const request = await playwright.request.newContext({ baseURL: milepost.url });
  try {
    const job = await startJob(request, "demo", { seconds: 12 });
    await page.goto(`${milepost.url}/jobs/${job}`);
    await waitUntilLive(page);
    await expect(page.locator(".log .line", { hasText: "after 2 s" })).toBeVisible();
    await milepost.kill();
    await page.waitForTimeout(3000); // an outage is no work time
    await milepost.start();
    await expect(state(page)).toContainText("Succeeded", { timeout: 40_000 });
    await page.reload();
    await expect(page.locator(".log .line", { hasText: "continues after" })).toBeVisible();
    const took = Number((await page.locator("main").innerText()).match(/Took (\d+(\.\d)?) s/)?.[1]);
    expect(took).toBeGreaterThan(11);
    expect(took, "both attempts, without the outage").toBeLessThan(15);
    await expect(page.locator("dl.figures")).toContainText(/last attempt \d/);
  } finally {
    await milepost.remove();
  }
});

test("data directory: a second server is refused and names the first", async ({ milepost }) => {
  const second = spawnSync(binary, ["--addr", "127.0.0.1:0", "--data-dir", join(milepost.home, "data"), "--no-auth"], { encoding: "utf8" });
  expect(second.status).not.toBe(0);
  expect(second.stderr).toMatch(/\b\d+\b/);
  expect(second.stderr).toContain("data");
});
