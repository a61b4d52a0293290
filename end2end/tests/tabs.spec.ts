// Many pages of one browser, which opens six connections to a server and no more.
import { type BrowserContext, type Page } from "@playwright/test";
import { expect, live, startJob, steps, test } from "./milepost.ts";

/** Tells a page what a browser tells it when its tab comes to the front or goes behind another. Headless ones never do. */
async function show(page: Page, visible: boolean) {
  await page.evaluate((visible) => {
    Object.defineProperty(document, "hidden", { value: !visible, configurable: true });
    Object.defineProperty(document, "visibilityState", { value: visible ? "visible" : "hidden", configurable: true });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  }, visible);
}

async function open(context: BrowserContext, job: number): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`/jobs/${job}`);
  await live(page);
  return page;
}

test("where tabs cannot hear each other, each of eight moves when it is looked at", async ({ context, request }) => {
  await context.addInitScript(() => Reflect.deleteProperty(window, "BroadcastChannel"));
  const job = await startJob(request, "demo", { seconds: 600 });
  const tabs: Page[] = [];
  for (let n = 0; n < 8; n += 1) {
    for (const other of tabs.slice(-1)) await show(other, false);
    tabs.push(await open(context, job));
  }
  for (const tab of tabs.slice(0, -1)) await expect(tab.locator(".link")).toHaveAttribute("data-link", "paused");
  for (const [n, tab] of tabs.entries()) {
    await show(tabs.at(n - 1)!, false);
    await show(tab, true);
    await live(tab);
    const before = await steps(tab);
    await expect.poll(() => steps(tab), { message: `tab ${n + 1} moves` }).toBeGreaterThan(before);
  }
  await request.post("/api/cancel_job", { form: { id: String(job) } });
  const last = tabs.at(-1)!;
  await expect(last.locator(".page-head .state")).toContainText("Cancelled");
  await show(tabs[0]!, true);
  await expect(tabs[0]!.locator(".page-head .state"), "a tab learns what it slept through").toContainText("Cancelled");
});

test("of eight windows side by side all move", async ({ context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const windows: Page[] = [];
  for (let n = 0; n < 8; n += 1) windows.push(await open(context, job));
  for (const window of windows) {
    const before = await steps(window);
    await expect.poll(() => steps(window)).toBeGreaterThan(before);
  }
});

test("a tab behind another stays live, since they share a stream", async ({ context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const [behind, before] = [await open(context, job), await open(context, job)];
  await show(behind, false);
  await behind.waitForTimeout(3_000); // alone it would have let its stream go after two
  for (const tab of [behind, before]) {
    await live(tab);
    const done = await steps(tab);
    await expect.poll(() => steps(tab)).toBeGreaterThan(done);
  }
});
