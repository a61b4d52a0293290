// Hidden and visible tabs of one browser, which opens at most six connections to a server.
import { type BrowserContext, type Page } from "@playwright/test";
import { completedSteps, expect, startJob, test, waitUntilLive } from "./support/milepost.ts";
import { setVisible } from "./support/streams.ts";

async function open(context: BrowserContext, job: number): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  return page;
}

test("tabs without BroadcastChannel: each of eight is live while visible", async ({ context, request }) => {
  await context.addInitScript(() => Reflect.deleteProperty(window, "BroadcastChannel"));
  const job = await startJob(request, "demo", { seconds: 600 });
  const tabs: Page[] = [];
  for (let n = 0; n < 8; n += 1) {
    for (const other of tabs.slice(-1)) await setVisible(other, false);
    tabs.push(await open(context, job));
  }
  for (const tab of tabs.slice(0, -1)) await expect(tab.locator(".link")).toHaveAttribute("data-link", "paused");
  for (const [n, tab] of tabs.entries()) {
    await setVisible(tabs.at(n - 1)!, false);
    await setVisible(tab, true);
    await waitUntilLive(tab);
    const before = await completedSteps(tab);
    await expect.poll(() => completedSteps(tab), { message: `tab ${n + 1} shows progress` }).toBeGreaterThan(before);
  }
  await request.post("/api/cancel_job", { form: { id: String(job) } });
  const last = tabs.at(-1)!;
  await expect(last.locator(".page-head .state")).toContainText("Cancelled");
  await setVisible(tabs[0]!, true);
  await expect(tabs[0]!.locator(".page-head .state"), "a tab catches up on what it missed").toContainText("Cancelled");
});

test("windows: eight side by side are all live", async ({ context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const windows: Page[] = [];
  for (let n = 0; n < 8; n += 1) windows.push(await open(context, job));
  for (const window of windows) {
    const before = await completedSteps(window);
    await expect.poll(() => completedSteps(window)).toBeGreaterThan(before);
  }
});

test("background tab: stays live because it shares a stream", async ({ context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const [behind, before] = [await open(context, job), await open(context, job)];
  await setVisible(behind, false);
  await behind.waitForTimeout(3_000); // alone it would have let its stream go after two
  for (const tab of [behind, before]) {
    await waitUntilLive(tab);
    const done = await completedSteps(tab);
    await expect.poll(() => completedSteps(tab)).toBeGreaterThan(done);
  }
});
