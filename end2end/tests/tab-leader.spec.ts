// Tab leader: the tabs of a browser share one stream, and another tab takes over when its holder closes, freezes or crashes.
import { createServer } from "node:net";
import { type AddressInfo } from "node:net";
import { type BrowserContext, chromium, type Page } from "@playwright/test";
import { expect, Milepost, startJob, state, test, waitUntilLive } from "./support/milepost.ts";
import { FaultyProxy } from "./support/faulty-proxy.ts";
import { expectProgress, expectSameLog, openPage, Streams } from "./support/streams.ts";

const isSecure = (page: Page) => page.evaluate(() => isSecureContext);
const cancel = (page: Page, job: number) => page.request.post("/api/cancel_job", { form: { id: String(job) }, headers: { "sec-fetch-site": "same-origin" } });

/** Opens tabs that show a long job. */
async function tabs(context: BrowserContext, job: number, count: number): Promise<{ pages: Page[]; streams: Streams }> {
  const streams = new Streams(context);
  const pages: Page[] = [];
  for (let n = 0; n < count; n += 1) pages.push(await openPage(context, `/jobs/${job}`));
  return { pages, streams };
}

/** Checks that eight tabs share one stream and hand it over. */
async function eightTabs(context: BrowserContext, job: number) {
  const { pages, streams } = await tabs(context, job, 8);
  expect(streams.open, "one stream for all tabs").toBe(1);
  expect(streams.opened, "never a second one").toBe(1);
  for (const page of pages) await expectProgress(page);
  // A browser opens six connections: with a stream for each tab this page would never load.
  await openPage(context, "/jobs");

  const first = streams.leaderPage();
  await first.close();
  const rest = pages.filter((page) => page !== first);
  await expect.poll(() => streams.open, { message: "another tab takes over", timeout: 10_000 }).toBe(1);
  await Promise.all(rest.map(waitUntilLive));
  for (const page of rest) await expectProgress(page);
  await cancel(rest[0]!, job);
  for (const page of rest) await expect(state(page)).toContainText("Cancelled");
  await expectSameLog(rest, 3);
  expect(streams.opened).toBe(2);
}

test("case 15: eight tabs over HTTP/1.1 share one stream on loopback", async ({ context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const page = await openPage(context, `/jobs/${job}`);
  expect(await isSecure(page)).toBe(true);
  await page.close();
  await eightTabs(context, job);
});

test("case 15: eight tabs over HTTP/1.1 share one stream without Web Locks", async ({ launchOptions, playwright }) => {
  const port = await freePort();
  const name = `http://nas.test:${port}`;
  const milepost = new Milepost(["--public-url", name]);
  milepost.url = `http://127.0.0.1:${port}`;
  await milepost.start();
  const args = [...(launchOptions.args ?? []), "--host-resolver-rules=MAP nas.test 127.0.0.1"];
  const browser = await chromium.launch({ ...launchOptions, args });
  try {
    const request = await playwright.request.newContext({ baseURL: milepost.url });
    const job = await startJob(request, "demo", { seconds: 600 });
    await request.dispose();
    const context = await browser.newContext({ baseURL: name });
    const page = await openPage(context, `/jobs/${job}`);
    expect(await isSecure(page), "the page is not secure and has no locks").toBe(false);
    expect(await page.evaluate(() => "locks" in navigator)).toBe(false);
    await page.close();
    const { pages, streams } = await tabs(context, job, 8);
    await expect.poll(() => streams.open).toBe(1);
    for (const page of pages) await expectProgress(page);
    const first = streams.leaderPage();
    const rest = pages.filter((page) => page !== first);
    await first.close();
    await expect.poll(() => streams.open, { timeout: 10_000 }).toBe(1);
    await Promise.all(rest.map(waitUntilLive));
    for (const page of rest) await expectProgress(page);
    // Playwright's own requests do not resolve the name.
    await rest[0]!.evaluate((id) => fetch("/api/cancel_job", { method: "POST", body: new URLSearchParams({ id }) }), String(job));
    for (const page of rest) await expect(state(page)).toContainText("Cancelled");
    await expectSameLog(rest, 3);
  } finally {
    await browser.close();
    await milepost.remove();
  }
});

test("case 15: frozen leader hands over and follows when resumed", async ({ context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const { pages, streams } = await tabs(context, job, 3);
  const first = streams.leaderPage();
  const rest = pages.filter((page) => page !== first);
  // The event that a browser sends; Playwright prevents pages from being frozen. The next test is about a leader that stops
  // without an event.
  await first.evaluate(() => document.dispatchEvent(new Event("freeze")));
  await expect.poll(() => streams.opened, { timeout: 10_000 }).toBe(2);
  for (const page of rest) await expectProgress(page);
  await expect(first.locator("html"), "it releases the stream").toHaveAttribute("data-live", "off");
  await first.evaluate(() => document.dispatchEvent(new Event("resume")));
  await waitUntilLive(first);
  expect(rest).toContain(streams.leaderPage());
  await expectProgress(first);
  await cancel(rest[0]!, job);
  for (const page of pages) await expect(state(page)).toContainText("Cancelled");
  await expectSameLog(pages, 3);
});

test("case 15: hung leader is replaced and steps down when it continues", async ({ context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const { pages, streams } = await tabs(context, job, 3);
  const first = streams.leaderPage();
  const rest = pages.filter((page) => page !== first);
  // A synchronous request blocks the page without using the processor.
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await context.route("**/hang", async (route) => {
    await released;
    await route.fulfill({ body: "" });
  });
  const hung = first.evaluate(() => {
    const request = new XMLHttpRequest();
    request.open("GET", "/hang", false);
    request.send();
  });
  await expect.poll(() => streams.opened, { timeout: 30_000 }).toBe(2);
  for (const page of rest) await expectProgress(page);
  expect(streams.open, "the old leader still has its stream").toBe(2);
  release();
  await hung;
  await expect.poll(() => streams.open, { message: "the old leader closes its stream" }).toBe(1);
  expect(rest).toContain(streams.leaderPage());
  await waitUntilLive(first);
  for (const page of pages) await expectProgress(page);
  await cancel(rest[0]!, job);
  for (const page of pages) await expect(state(page)).toContainText("Cancelled");
  await expectSameLog(pages, 3);
});

test("case 15: leader with a crashed process is replaced at once", async ({ context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const { pages, streams } = await tabs(context, job, 3);
  const first = streams.leaderPage();
  const devtools = await context.newCDPSession(first);
  const crashed = first.waitForEvent("crash");
  devtools.send("Page.crash").catch(() => undefined);
  await crashed;
  const rest = pages.filter((page) => page !== first);
  await expect.poll(() => streams.opened, { timeout: 10_000 }).toBe(2);
  for (const page of rest) await expectProgress(page);
  await cancel(rest[0]!, job);
  for (const page of rest) await expect(state(page)).toContainText("Cancelled");
  await expectSameLog(rest, 3);
});

test("tab leader: topics of the stream follow what the tabs show", async ({ context, request }) => {
  const [one, other] = [await startJob(request, "demo", { seconds: 600 }), await startJob(request, "demo", { seconds: 600 })];
  const streams = new Streams(context);
  const first = await openPage(context, `/jobs/${one}`);
  const second = await openPage(context, `/jobs/${other}`);
  await expectProgress(second);
  await second.goto(`/jobs/${one}`);
  await waitUntilLive(second);
  await expectProgress(second);
  await first.goto("/jobs");
  await waitUntilLive(first);
  await first.goto(`/jobs/${other}`);
  await waitUntilLive(first);
  for (const page of [first, second]) await expectProgress(page);
  expect(streams.open).toBe(1);
  for (const job of [one, other]) await cancel(first, job);
  for (const page of [first, second]) await expect(state(page)).toContainText("Cancelled");
  await expectSameLog([first], 2);
  await expectSameLog([second], 2);
});

test("case 14: page in the back/forward cache holds no stream or lock and resumes", async ({ launchOptions, milepost, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const browser = await chromium.launch({ ...launchOptions, ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  const proxy = await new FaultyProxy(milepost.url, true, true).start();
  try {
    const context = await browser.newContext({ baseURL: proxy.url });
    const streams = new Streams(context);
    const page = await openPage(context, `/jobs/${job}`);
    const locks = () => page.evaluate(async () => {
      const { held = [], pending = [] } = await navigator.locks.query();
      return held.length + pending.length;
    });
    // A busy machine may drop the page from the cache; then it is loaded again, and leaves once more.
    await expect(async () => {
      await page.evaluate(() => addEventListener("pageshow", (event) => ((window as { kept?: boolean }).kept = event.persisted)));
      await page.goto("/mark.svg");
      await expect.poll(() => streams.open, { message: "the stream is closed" }).toBe(0);
      await expect.poll(locks, { message: "no lock is held or requested" }).toBe(0);
      await page.evaluate(() => history.back());
      await expect(page).toHaveURL(/\/jobs\//);
      await waitUntilLive(page);
      expect(await page.evaluate(() => (window as { kept?: boolean }).kept)).toBe(true);
    }).toPass({ timeout: 60_000 });
    await expectProgress(page);
    await cancel(page, job);
    await expect(state(page)).toContainText("Cancelled");
    await expectSameLog([page], 2);
  } finally {
    await browser.close();
    proxy.stop();
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
