// Benchmark of pages: size and speed of the first visit, and time from a report to the pixel. Prints Markdown rows.
import { type APIRequestContext, type Browser, chromium, type Page, type Request } from "@playwright/test";
import { median, printRow, quantile } from "./support/statistics.ts";
import { expect, startJob, state, test, waitUntilLive } from "./support/milepost.ts";

const runs = 5;
/** Pause before measuring, since a new browser is busy with itself, milliseconds. */
const browserStarts = 1_500;

/**
 * Measures a visit with an empty cache: bodies as sent, requests, paint times. It does not evaluate anything in the page
 * before hydration, since that would delay the first paint.
 */
async function firstVisit(browser: Browser, url: string) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
  const page = await context.newPage();
  await page.waitForTimeout(browserStarts);
  const requests: Request[] = [];
  page.on("requestfinished", (request) => requests.push(request));
  // The page opens its stream after hydration.
  await Promise.all([page.waitForRequest(/\/events\?/), page.goto(url, { waitUntil: "commit" })]);
  await waitUntilLive(page);
  // Changes made by hydration are painted two frames later.
  await page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted))));
  const paint = await page.evaluate(async () => ({
    fcp: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN,
    lcp: await new Promise<number>((seen) => {
      const observer = new PerformanceObserver((list) => seen(list.getEntries().at(-1)?.startTime ?? NaN));
      observer.observe({ type: "largest-contentful-paint", buffered: true });
    }),
    live: performance.now(),
  }));
  const sent = await Promise.all(requests.filter((request) => !request.url().endsWith("/mark.svg")).map(body));
  await context.close();
  return { ...paint, sent };
}

async function body(request: Request) {
  const { responseBodySize: sent } = await request.sizes();
  const plain = (await (await request.response())?.headerValue("content-encoding")) !== "br";
  return { path: new URL(request.url()).pathname, sent, plain };
}

test("first visit", async ({ milepost, request }) => {
  const job = await startJob(request, "demo", { seconds: 0 });
  await expect.poll(async () => (await request.get(`/jobs/${job}`)).text()).toContain("Succeeded");
  const visits: Awaited<ReturnType<typeof firstVisit>>[] = [];
  for (let run = 0; run < runs; run += 1) {
    const fresh = await chromium.launch(test.info().project.use.launchOptions); // no cache, no warm process
    visits.push(await firstVisit(fresh, milepost.url));
    await fresh.close();
  }
  // Some headless browsers do not fetch the icon of the tab: it is counted once, separately.
  const icon = Number((await request.get("/mark.svg", { headers: { "accept-encoding": "br" } })).headers()["content-length"]);
  const total = (visit: (typeof visits)[number]) => visit.sent.reduce((sum, body) => sum + body.sent, icon);
  for (const visit of visits) {
    expect(visit.sent.filter((body) => body.plain), "every body is sent as brotli").toEqual([]);
    expect(visit.sent.map((body) => body.path).sort().join(" ")).toMatch(/^\/ \S+_split\S+\.js \S+\.css \S+\.js \S+\.wasm$/);
  }
  printRow("first visit, overview: sent, brotli", visits.map((v) => total(v) / 1000), "kB");
  printRow("first visit, overview: requests without the stream", visits.map((v) => v.sent.length + 1), "");
  printRow("first visit, overview: first contentful paint", visits.map((v) => v.fcp), "ms");
  printRow("first visit, overview: largest contentful paint", visits.map((v) => v.lcp), "ms");
  printRow("first visit, overview: live", visits.map((v) => v.live), "ms");
  expect(median(visits.map(total))).toBeLessThan(130_000);
});

/** Reports a second: the count of the demo job is then its clock in milliseconds, at most 10 ms late. */
const perSecond = 1_000;
/** Duration of the demo job. Its main stage starts with three tenths of the time at a constant pace. */
const seconds = 30;
const stretch = 0.3 * seconds * perSecond;

test("report to pixel", async ({ page, request }) => {
  const ages: number[][] = [];
  for (let run = 0; run < runs; run += 1) {
    const job = await startJob(request, "demo", { seconds, reports_per_second: perSecond });
    await page.goto(`/jobs/${job}`);
    await waitUntilLive(page);
    const seen = await countsPainted(page);
    const began = await stretchBegan(request, job);
    // A report is visible when a count that includes it is painted. The wait for the sampler is part of the age.
    const age = seen.slice(1).flatMap(({ count, at }, i) => reports(seen[i]!.count, count).map((report) => at - began - report));
    expect(age.length).toBeGreaterThan(stretch / 2);
    ages.push(age);
    await request.post("/api/cancel_job", { form: { id: String(job) } });
    await expect(state(page)).toContainText("Cancelled");
  }
  printRow("report to pixel, p50", ages.map((run) => quantile(run, 0.5)), "ms");
  printRow("report to pixel, p95", ages.map((run) => quantile(run, 0.95)), "ms");
  printRow("report to pixel, p99", ages.map((run) => quantile(run, 0.99)), "ms");
  expect(median(ages.map((run) => quantile(run, 0.95)))).toBeLessThan(200);
});

/** Reports after `before` up to `last`; each is one millisecond of the stretch. */
const reports = (before: number, last: number) => Array.from({ length: last - before }, (_, i) => before + i + 1);

/** Counts of the stretch that were painted, with their time in milliseconds of Unix time. */
function countsPainted(page: Page): Promise<{ count: number; at: number }[]> {
  return page.evaluate(
    (stretch) =>
      new Promise((done) => {
        const figures = document.querySelector(".figures > div")!;
        const seen: { count: number; at: number }[] = [];
        const watcher = new MutationObserver(() => {
          const [, value, total] = [...figures.children].map((part) => Number(part.textContent?.replace(/\D/g, "")));
          if (total !== 2 * stretch || value === undefined || value === seen.at(-1)?.count) return;
          if (value > stretch) {
            watcher.disconnect();
            done(seen);
            return;
          }
          const entry = { count: value, at: NaN };
          seen.push(entry);
          // The task after the callbacks of a frame starts when the frame is painted.
          requestAnimationFrame(() => setTimeout(() => (entry.at = performance.timeOrigin + performance.now())));
        });
        watcher.observe(figures, { childList: true, characterData: true, subtree: true });
      }),
    stretch,
  );
}

/** Start of the stretch by the server's clock, from the log lines that count the reports each second. */
async function stretchBegan(request: APIRequestContext, job: number): Promise<number> {
  const log = await (await request.get(`/jobs/${job}/log`)).text();
  const lines = [...log.matchAll(new RegExp(`^(\\S+) \\S+ +Reported (\\d+) of ${stretch} `, "gm"))];
  const begins = lines.map(([, at, made]) => micros(at!) - Number(made));
  expect(begins.length).toBeGreaterThan(5);
  return Math.min(...begins); // the line with the least delay
}

/** Converts RFC 3339 in UTC with microseconds to milliseconds. */
const micros = (time: string) => Date.parse(time.replace(/\.\d+Z$/, "Z")) + Number(/\.\d+/.exec(time)?.[0] ?? 0) * 1_000;
