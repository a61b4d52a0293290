// The link to the server, with everything between the two that can go wrong.
import { type Page } from "@playwright/test";
import { expect, live, Milepost, startJob, state, test as base } from "./milepost.ts";
import { Proxy } from "./proxy.ts";
import { moves, open, sameLog, Streams } from "./streams.ts";

const test = base.extend<{ between: Proxy }>({
  between: async ({ milepost }, use) => {
    const between = await new Proxy(milepost.url).start();
    await use(between);
    between.stop();
  },
});

const indicator = (page: Page) => page.locator(".link");
const cancel = async (page: Page, job: number) => {
  await page.evaluate((id) => fetch("/api/cancel_job", { method: "POST", body: new URLSearchParams({ id }) }), String(job));
  await expect(state(page)).toContainText("Cancelled");
};

for (const status of [429, 502, 503]) {
  test(`case 12: a page recovers from a server that answers ${status}`, async ({ context, between, request }) => {
    const job = await startJob(request, "demo", { seconds: 600 });
    const page = await open(context, `${between.url}/jobs/${job}`);
    between.set(status);
    await expect(indicator(page)).toHaveAttribute("data-link", "connecting");
    await expect(indicator(page)).toContainText("Reconnecting");
    const refused = () => between.asked.filter((one) => one.status === status).length;
    await expect.poll(refused, { message: "it tries again and again" }).toBeGreaterThan(2);
    between.set("none");
    await expect(indicator(page)).toHaveAttribute("data-link", "live", { timeout: 40_000 });
    await moves(page);
    await cancel(page, job);
    await sameLog([page], 3);
  });
}

test("case 13: a proxy that holds streams back is noticed, done without, and forgiven", async ({ context, milepost, request }) => {
  const proxy = await new Proxy(milepost.url, false).start();
  try {
    proxy.set("buffers");
    const job = await startJob(request, "demo", { seconds: 600 });
    const page = await context.newPage();
    await page.clock.install();
    await page.goto(`${proxy.url}/jobs/${job}`);
    await expect(indicator(page)).toHaveAttribute("data-link", "polling");
    await expect(indicator(page)).toContainText("Live, by polling");
    await live(page);
    await moves(page);
    const other = await open(context, `${proxy.url}/jobs/${job}`);
    await expect(indicator(other), "other tabs live by the same polls").toHaveAttribute("data-link", "polling");
    await moves(other);
    const another = await open(context, `${proxy.url}/jobs/${await startJob(request, "demo", { seconds: 600 })}`);
    await expect(indicator(another), "also one that shows something else").toHaveAttribute("data-link", "polling");
    await moves(another);
    await another.close();

    proxy.set("none");
    await page.clock.fastForward(61_000);
    await expect(indicator(page)).toHaveAttribute("data-link", "live");
    await expect(indicator(other)).toHaveAttribute("data-link", "live");
    await moves(page);
    await moves(other);

    proxy.set("buffers");
    await expect(indicator(page)).toHaveAttribute("data-link", "polling", { timeout: 30_000 });
    await cancel(page, job);
    await expect(state(other)).toContainText("Cancelled");
    await sameLog([page, other], 3);
  } finally {
    proxy.stop();
  }
});

test("case 14: a stream that falls silent is said to, given up, and opened anew", async ({ context, between, request }) => {
  const streams = new Streams(context);
  const job = await startJob(request, "demo", { seconds: 600 });
  const page = await open(context, `${between.url}/jobs/${job}`);
  await moves(page);
  between.set("swallows");
  await expect(indicator(page)).toHaveAttribute("data-link", "stale", { timeout: 25_000 });
  await expect(indicator(page)).toContainText("Silent");
  await expect(indicator(page).locator(".age"), "with the age of what is shown").toContainText(/[12]\d s/);
  between.set("none");
  await expect.poll(() => streams.opened, { timeout: 25_000 }).toBe(2);
  await live(page);
  await moves(page);
  await cancel(page, job);
  await sameLog([page], 3);
});

test("case 14: a page without a network says so, and is live again with it", async ({ context, milepost, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const page = await open(context, `${milepost.url}/jobs/${job}`);
  await context.setOffline(true);
  await expect(indicator(page)).toHaveAttribute("data-link", "offline");
  await expect(indicator(page)).toContainText("Offline");
  await context.setOffline(false);
  await expect(indicator(page)).toHaveAttribute("data-link", "live");
  await moves(page);
  await cancel(page, job);
  await sameLog([page], 2);
});

test("case 14: two tabs outlive their server, by one stream", async ({ context, playwright }) => {
  const milepost = await new Milepost().start();
  try {
    const request = await playwright.request.newContext({ baseURL: milepost.url });
    const job = await startJob(request, "demo", { seconds: 600 });
    const streams = new Streams(context);
    const pages = [await open(context, `${milepost.url}/jobs/${job}`), await open(context, `${milepost.url}/jobs/${job}`)];
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
