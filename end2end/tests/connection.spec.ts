// Connection of a page to the server: error responses, buffering proxies, silence, a lost network and a restart.
import { type Page } from "@playwright/test";
import { expect, Milepost, startJob, state, test as base, waitUntilLive } from "./support/milepost.ts";
import { FaultyProxy } from "./support/faulty-proxy.ts";
import { expectProgress, expectSameLog, openPage, Streams } from "./support/streams.ts";

const test = base.extend<{ faultyProxy: FaultyProxy }>({
  faultyProxy: async ({ milepost }, use) => {
    const faultyProxy = await new FaultyProxy(milepost.url).start();
    await use(faultyProxy);
    faultyProxy.stop();
  },
});

const indicator = (page: Page) => page.locator(".link");
const cancel = async (page: Page, job: number) => {
  await page.evaluate((id) => fetch("/api/cancel_job", { method: "POST", body: new URLSearchParams({ id }) }), String(job));
  await expect(state(page)).toContainText("Cancelled");
};

for (const status of [429, 502, 503]) {
  test(`case 12: page reconnects after responses with status ${status}`, async ({ context, faultyProxy, request }) => {
    const job = await startJob(request, "demo", { seconds: 600 });
    const page = await openPage(context, `${faultyProxy.url}/jobs/${job}`);
    faultyProxy.setFault(status);
    await expect(indicator(page)).toHaveAttribute("data-link", "connecting");
    await expect(indicator(page)).toContainText("Reconnecting");
    const refused = () => faultyProxy.requests.filter((one) => one.status === status).length;
    await expect.poll(refused, { message: "it retries" }).toBeGreaterThan(2);
    faultyProxy.setFault("none");
    await expect(indicator(page)).toHaveAttribute("data-link", "live", { timeout: 40_000 });
    await expectProgress(page);
    await cancel(page, job);
    await expectSameLog([page], 3);
  });
}

test("case 13: page polls behind a buffering proxy and returns to the stream", async ({ context, milepost, request }) => {
  const proxy = await new FaultyProxy(milepost.url, false).start();
  try {
    proxy.setFault("buffers");
    const job = await startJob(request, "demo", { seconds: 600 });
    const page = await context.newPage();
    await page.clock.install();
    await page.goto(`${proxy.url}/jobs/${job}`);
    await expect(indicator(page)).toHaveAttribute("data-link", "polling");
    await expect(indicator(page)).toContainText("Live, by polling");
    await waitUntilLive(page);
    await expectProgress(page);
    const other = await openPage(context, `${proxy.url}/jobs/${job}`);
    await expect(indicator(other), "other tabs use the same polls").toHaveAttribute("data-link", "polling");
    await expectProgress(other);
    const another = await openPage(context, `${proxy.url}/jobs/${await startJob(request, "demo", { seconds: 600 })}`);
    await expect(indicator(another), "also a tab with other topics").toHaveAttribute("data-link", "polling");
    await expectProgress(another);
    await another.close();

    proxy.setFault("none");
    await page.clock.fastForward(61_000);
    await expect(indicator(page)).toHaveAttribute("data-link", "live");
    await expect(indicator(other)).toHaveAttribute("data-link", "live");
    await expectProgress(page);
    await expectProgress(other);

    proxy.setFault("buffers");
    await expect(indicator(page)).toHaveAttribute("data-link", "polling", { timeout: 30_000 });
    await cancel(page, job);
    await expect(state(other)).toContainText("Cancelled");
    await expectSameLog([page, other], 3);
  } finally {
    proxy.stop();
  }
});

test("case 14: silent stream is shown as stale, closed and reopened", async ({ context, faultyProxy, request }) => {
  const streams = new Streams(context);
  const job = await startJob(request, "demo", { seconds: 600 });
  const page = await openPage(context, `${faultyProxy.url}/jobs/${job}`);
  await expectProgress(page);
  faultyProxy.setFault("silent");
  await expect(indicator(page)).toHaveAttribute("data-link", "stale", { timeout: 25_000 });
  await expect(indicator(page)).toContainText("Silent");
  await expect(indicator(page).locator(".age"), "with the age of the data").toContainText(/[12]\d s/);
  faultyProxy.setFault("none");
  await expect.poll(() => streams.opened, { timeout: 25_000 }).toBe(2);
  await waitUntilLive(page);
  await expectProgress(page);
  await cancel(page, job);
  await expectSameLog([page], 3);
});

test("case 14: page shows a lost network and reconnects", async ({ context, milepost, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const page = await openPage(context, `${milepost.url}/jobs/${job}`);
  await context.setOffline(true);
  await expect(indicator(page)).toHaveAttribute("data-link", "offline");
  await expect(indicator(page)).toContainText("Offline");
  await context.setOffline(false);
  await expect(indicator(page)).toHaveAttribute("data-link", "live");
  await expectProgress(page);
  await cancel(page, job);
  await expectSameLog([page], 2);
});

test("case 14: two tabs reconnect to a restarted server with one stream", async ({ context, playwright }) => {
  const milepost = await new Milepost().start();
  try {
    const request = await playwright.request.newContext({ baseURL: milepost.url });
    const job = await startJob(request, "demo", { seconds: 600, attempts: 1 });
    const streams = new Streams(context);
    const pages = [await openPage(context, `${milepost.url}/jobs/${job}`), await openPage(context, `${milepost.url}/jobs/${job}`)];
    await milepost.kill();
    for (const page of pages) await expect(indicator(page)).toHaveAttribute("data-link", "connecting");
    await milepost.start();
    for (const page of pages) await expect(indicator(page)).toHaveAttribute("data-link", "live", { timeout: 40_000 });
    for (const page of pages) await expect(state(page)).toContainText("Interrupted", { timeout: 40_000 });
    expect(streams.open).toBe(1);
    await request.dispose();
  } finally {
    await milepost.remove();
  }
});
