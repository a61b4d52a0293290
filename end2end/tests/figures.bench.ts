// What a browser sees: weight and speed of the first visit, time from a report to the pixel. Prints Markdown rows.
import { brotliCompressSync } from "node:zlib";
import { type Browser, chromium } from "@playwright/test";
import { expect, live, startJob, test } from "./milepost.ts";

const runs = 5;

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
const quantile = (values: number[], q: number) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * q)] ?? NaN;

function row(what: string, values: number[], unit: string) {
  const show = (n: number) => `${Math.round(n * 10) / 10} ${unit}`;
  console.log(`| ${what} | ${show(median(values))} | ${show(Math.min(...values))} to ${show(Math.max(...values))} |`);
}

async function firstVisit(browser: Browser, url: string) {
  const context = await browser.newContext();
  const page = await context.newPage();
  let requests = 0;
  let sent = 0;
  page.on("response", async (response) => {
    requests += 1;
    const header = await response.headerValue("content-encoding");
    const body = response.headers()["content-type"]?.startsWith("text/event-stream") ? undefined : await response.body().catch(() => undefined);
    if (body) sent += header === "br" ? (await response.request().sizes()).responseBodySize : brotliCompressSync(body).length;
  });
  await page.addInitScript(() => {
    const seen = { lcp: 0 };
    Object.assign(window, { seen });
    new PerformanceObserver((list) => list.getEntries().forEach((e) => (seen.lcp = e.startTime))).observe({ type: "largest-contentful-paint", buffered: true });
  });
  await page.goto(url);
  await live(page);
  await page.waitForTimeout(500); // the icon of the tab comes last
  const paint = await page.evaluate(() => ({
    fcp: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN,
    lcp: (window as unknown as { seen: { lcp: number } }).seen.lcp,
  }));
  await context.close();
  return { ...paint, requests, sent };
}

test("first visit", async ({ milepost, request }) => {
  await startJob(request, "demo", { seconds: 0 });
  const visits = [];
  for (let run = 0; run < runs; run += 1) {
    const fresh = await chromium.launch(test.info().project.use.launchOptions); // no cache, no warm process
    visits.push(await firstVisit(fresh, milepost.url));
    await fresh.close();
  }
  row("first visit, overview: sent, brotli", visits.map((v) => v.sent / 1000), "kB");
  row("first visit, overview: requests without the stream", visits.map((v) => v.requests - 1), "");
  row("first visit, overview: first contentful paint", visits.map((v) => v.fcp), "ms");
  row("first visit, overview: largest contentful paint", visits.map((v) => v.lcp), "ms");
  expect(median(visits.map((v) => v.sent))).toBeLessThan(130_000);
});

test("report to pixel", async ({ page, request }) => {
  // The demo counts milliseconds since it began, so what is on the screen says itself when it was reported.
  const ages: number[][] = [];
  for (let run = 0; run < runs; run += 1) {
    const job = await startJob(request, "demo", { seconds: 12, total: "clock" });
    await page.goto(`/jobs/${job}`);
    await live(page);
    ages.push(
      await page.evaluate(async () => {
        const shown = document.querySelector("[data-value]");
        if (!shown) throw new Error("no value on the page");
        const found: number[] = [];
        const watcher = new MutationObserver(() => {
          const reported = Number(shown.getAttribute("data-value"));
          requestAnimationFrame(() => setTimeout(() => found.push(Date.now() - reported), 0));
        });
        watcher.observe(shown, { attributes: true, attributeFilter: ["data-value"] });
        await new Promise((done) => setTimeout(done, 8_000));
        watcher.disconnect();
        return found;
      }),
    );
    await request.post("/api/cancel_job", { form: { id: String(job) } });
  }
  expect(Math.min(...ages.map((run) => run.length))).toBeGreaterThan(20);
  row("report to pixel, p50", ages.map((run) => quantile(run, 0.5)), "ms");
  row("report to pixel, p95", ages.map((run) => quantile(run, 0.95)), "ms");
  expect(median(ages.map((run) => quantile(run, 0.95)))).toBeLessThan(200);
});
