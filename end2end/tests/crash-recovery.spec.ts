// Crash recovery: the server is killed during a job and starts again.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { binary, expect, Milepost, startJob, state, test, waitUntilLive } from "./support/milepost.ts";

test("crash recovery: after SIGKILL a job is interrupted, keeps its log and can be retried", async ({ page, playwright }) => {
  const milepost = await new Milepost().start();
  const request = await playwright.request.newContext({ baseURL: milepost.url });
  try {
    const job = await startJob(request, "demo", { seconds: 30 });
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
    await page.getByRole("button", { name: "Retry" }).click();
    await expect(state(page)).toContainText("Running");
    await request.post("/api/cancel_job", { form: { id: String(job) } });
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
