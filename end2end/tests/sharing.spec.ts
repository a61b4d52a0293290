// Tabs of one browser share one stream: one of them holds it, and hands it over when it goes, whatever makes it go.
import { createServer } from "node:net";
import { type AddressInfo } from "node:net";
import { type BrowserContext, chromium, type Page } from "@playwright/test";
import { expect, live, Milepost, startJob, state, test } from "./milepost.ts";
import { Proxy } from "./proxy.ts";
import { moves, open, sameLog, Streams } from "./streams.ts";

const isSecure = (page: Page) => page.evaluate(() => isSecureContext);
const cancel = (page: Page, job: number) => page.request.post("/api/cancel_job", { form: { id: String(job) }, headers: { "sec-fetch-site": "same-origin" } });

/** Several tabs with a job that runs for long. */
async function tabs(context: BrowserContext, job: number, many: number): Promise<{ pages: Page[]; streams: Streams }> {
  const streams = new Streams(context);
  const pages: Page[] = [];
  for (let n = 0; n < many; n += 1) pages.push(await open(context, `/jobs/${job}`));
  return { pages, streams };
}

/** What eight tabs have to stand. */
async function eightTabs(context: BrowserContext, job: number) {
  const { pages, streams } = await tabs(context, job, 8);
  expect(streams.open, "one stream for all").toBe(1);
  expect(streams.opened, "and never another").toBe(1);
  for (const page of pages) await moves(page);
  // Six connections are all there are: with a stream each, this would wait for ever.
  await open(context, "/jobs");

  const first = streams.holder();
  await first.close();
  const rest = pages.filter((page) => page !== first);
  await expect.poll(() => streams.open, { message: "another tab takes over", timeout: 10_000 }).toBe(1);
  await Promise.all(rest.map(live));
  for (const page of rest) await moves(page);
  await cancel(rest[0]!, job);
  for (const page of rest) await expect(state(page)).toContainText("Cancelled");
  await sameLog(rest, 3);
  expect(streams.opened).toBe(2);
}

test("case 15: eight tabs over HTTP/1.1 hold one stream, on loopback", async ({ context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const page = await open(context, `/jobs/${job}`);
  expect(await isSecure(page)).toBe(true);
  await page.close();
  await eightTabs(context, job);
});

test("case 15: eight tabs over HTTP/1.1 hold one stream, at a plain name without locks", async ({ launchOptions, playwright }) => {
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
    const page = await open(context, `/jobs/${job}`);
    expect(await isSecure(page), "a page that has no locks").toBe(false);
    expect(await page.evaluate(() => "locks" in navigator)).toBe(false);
    await page.close();
    const { pages, streams } = await tabs(context, job, 8);
    await expect.poll(() => streams.open).toBe(1);
    for (const page of pages) await moves(page);
    const first = streams.holder();
    const rest = pages.filter((page) => page !== first);
    await first.close();
    await expect.poll(() => streams.open, { timeout: 10_000 }).toBe(1);
    await Promise.all(rest.map(live));
    for (const page of rest) await moves(page);
    // Its own requests would not find the name.
    await rest[0]!.evaluate((id) => fetch("/api/cancel_job", { method: "POST", body: new URLSearchParams({ id }) }), String(job));
    for (const page of rest) await expect(state(page)).toContainText("Cancelled");
    await sameLog(rest, 3);
  } finally {
    await browser.close();
    await milepost.remove();
  }
});

test("case 15: a leader that is frozen hands over, and follows when it wakes", async ({ context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const { pages, streams } = await tabs(context, job, 3);
  const first = streams.holder();
  const rest = pages.filter((page) => page !== first);
  // What the browser tells it. Playwright keeps its pages from being frozen in earnest; how it is when nothing is told, the
  // next test shows.
  await first.evaluate(() => document.dispatchEvent(new Event("freeze")));
  await expect.poll(() => streams.opened, { timeout: 10_000 }).toBe(2);
  for (const page of rest) await moves(page);
  await expect(first.locator("html"), "and lets go of all").toHaveAttribute("data-live", "off");
  await first.evaluate(() => document.dispatchEvent(new Event("resume")));
  await live(first);
  expect(rest).toContain(streams.holder());
  await moves(first);
  await cancel(rest[0]!, job);
  for (const page of pages) await expect(state(page)).toContainText("Cancelled");
  await sameLog(pages, 3);
});

test("case 15: a leader that hangs is replaced, and steps down when it wakes", async ({ context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const { pages, streams } = await tabs(context, job, 3);
  const first = streams.holder();
  const rest = pages.filter((page) => page !== first);
  // A page that waits does nothing else, and leaves the processor to the others.
  let answer = () => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  await context.route("**/hang", async (route) => {
    await answered;
    await route.fulfill({ body: "" });
  });
  const hung = first.evaluate(() => {
    const request = new XMLHttpRequest();
    request.open("GET", "/hang", false);
    request.send();
  });
  await expect.poll(() => streams.opened, { timeout: 30_000 }).toBe(2);
  for (const page of rest) await moves(page);
  expect(streams.open, "the old leader still holds what it had").toBe(2);
  answer();
  await hung;
  await expect.poll(() => streams.open, { message: "the old leader lets go" }).toBe(1);
  expect(rest).toContain(streams.holder());
  await live(first);
  for (const page of pages) await moves(page);
  await cancel(rest[0]!, job);
  for (const page of pages) await expect(state(page)).toContainText("Cancelled");
  await sameLog(pages, 3);
});

test("case 15: a leader whose process dies is replaced at once", async ({ context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const { pages, streams } = await tabs(context, job, 3);
  const first = streams.holder();
  const devtools = await context.newCDPSession(first);
  const crashed = first.waitForEvent("crash");
  devtools.send("Page.crash").catch(() => undefined);
  await crashed;
  const rest = pages.filter((page) => page !== first);
  await expect.poll(() => streams.opened, { timeout: 10_000 }).toBe(2);
  for (const page of rest) await moves(page);
  await cancel(rest[0]!, job);
  for (const page of rest) await expect(state(page)).toContainText("Cancelled");
  await sameLog(rest, 3);
});

test("what tabs show comes and goes with them", async ({ context, request }) => {
  const [one, other] = [await startJob(request, "demo", { seconds: 600 }), await startJob(request, "demo", { seconds: 600 })];
  const streams = new Streams(context);
  const first = await open(context, `/jobs/${one}`);
  const second = await open(context, `/jobs/${other}`);
  await moves(second);
  await second.goto(`/jobs/${one}`);
  await live(second);
  await moves(second);
  await first.goto("/jobs");
  await live(first);
  await first.goto(`/jobs/${other}`);
  await live(first);
  for (const page of [first, second]) await moves(page);
  expect(streams.open).toBe(1);
  for (const job of [one, other]) await cancel(first, job);
  for (const page of [first, second]) await expect(state(page)).toContainText("Cancelled");
  await sameLog([first], 2);
  await sameLog([second], 2);
});

test("case 14: a page that is kept for going back to holds nothing, and is live again when it is shown", async ({ launchOptions, milepost, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const browser = await chromium.launch({ ...launchOptions, ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  const keeping = await new Proxy(milepost.url, true, true).start();
  try {
    const context = await browser.newContext({ baseURL: keeping.url });
    const streams = new Streams(context);
    const page = await open(context, `/jobs/${job}`);
    await page.evaluate(() => addEventListener("pageshow", (event) => ((window as { kept?: boolean }).kept = event.persisted)));
    await page.goto("/mark.svg");
    await expect.poll(() => streams.open, { message: "the stream is closed" }).toBe(0);
    const locks = () => page.evaluate(async () => {
      const { held = [], pending = [] } = await navigator.locks.query();
      return held.length + pending.length;
    });
    await expect.poll(locks, { message: "no lock is held or waited for" }).toBe(0);
    await page.evaluate(() => history.back());
    await expect.poll(() => page.evaluate(() => (window as { kept?: boolean }).kept).catch(() => undefined)).toBe(true);
    await live(page);
    await moves(page);
    await cancel(page, job);
    await expect(state(page)).toContainText("Cancelled");
    await sameLog([page], 2);
  } finally {
    await browser.close();
    keeping.stop();
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
