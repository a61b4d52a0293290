// The server goes away under a browser: what it keeps, what it shows then, and that all is well again afterwards.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { type BrowserContext, chromium, type Page } from "@playwright/test";
import { check } from "./accessible.ts";
import { banner, expectAway, expectBanner, keptIn, look } from "./away.ts";
import { expect, live, Milepost, startJob, state, test } from "./milepost.ts";

/** How far a page's clock was from the browser's when it was loaded, seconds. */
const clockIsWrongBy = (page: Page) =>
  page.evaluate(() => Math.abs(Number(document.documentElement.dataset["now"]) / 1e6 - performance.timeOrigin / 1e3));

test.describe("while the server is away", () => {
  let milepost: Milepost;
  let context: BrowserContext;
  let page: Page;

  test.beforeEach(async ({ browser }) => {
    milepost = await new Milepost().start();
    context = await browser.newContext({ baseURL: milepost.url });
    page = await context.newPage();
  });
  test.afterEach(async () => {
    await context.close();
    await milepost.remove();
  });

  test("the overview and the list of jobs open as they were, marked, and come alive with the server", async () => {
    const job = await startJob(context.request, "demo", { seconds: 600 });
    await look(page, "/");
    await look(page, "/jobs?state=running");
    await milepost.kill();

    await page.goto("/");
    await expectBanner(page, /Server unreachable. Showing a saved copy from \d\d:\d\d:\d\d/);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Overview");
    await expect(page.locator(".card"), "styled").not.toHaveCount(0);
    expect(await page.locator(".sidebar").evaluate((sidebar) => getComputedStyle(sidebar).position)).toBe("sticky");
    // Awake: only the script shows how the link stands, and how old the copy is.
    await expect(page.locator(".link")).toHaveAttribute("data-link", "connecting");
    await expect(page.locator(".away .age")).toHaveText(/\(\d+ s ago\)/);
    expect(await clockIsWrongBy(page)).toBeLessThan(3);
    await expect(page.getByRole("region", { name: "Needs attention" })).toHaveCount(0);

    // The list as it was looked at last, wherever it is led to from.
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Jobs" }).click();
    await expect(page).toHaveURL(/\/jobs\?state=running$/);
    await expect(banner(page)).toBeVisible();
    const row = page.locator("main tbody tr");
    await expect(row).toContainText("Running");
    const overview = await context.newPage();
    await overview.goto("/");
    await expect(banner(overview)).toBeVisible();

    await milepost.start();
    for (const tab of [page, overview]) {
      await expect(tab.locator("html")).toHaveAttribute("data-live", "on", { timeout: 40_000 });
      await expect(banner(tab)).toBeHidden();
      await expect(tab.locator("html[data-kept]")).toHaveCount(0);
    }
    await expect(row, "the job was interrupted").toContainText("Interrupted");
    await expect(overview.getByRole("region", { name: "Needs attention" }), "drawn by the server").toContainText("was interrupted");
    const next = await startJob(context.request, "demo", { seconds: 600 });
    await expect(page.getByRole("link", { name: "Show 1 new job" })).toBeVisible();
    await page.reload();
    await expect(page.locator("main tbody tr")).toContainText(`#${next}`);
    await expect(page.locator("html[data-copy]")).toHaveCount(0);
    expect(job).not.toBe(next);
  });

  test("any other page says so, leads to what is kept, and opens by itself when the server is back", async () => {
    const job = await startJob(context.request, "demo", { seconds: 600 });
    await look(page, "/jobs?state=running&kind=demo");
    await look(page, "/");
    await milepost.kill();
    expect((await page.goto(`/jobs/${job}`))?.status()).toBe(503);
    await expectAway(page);
    await expect(page.getByRole("link", { name: /^Overview as of \d\d:\d\d$/ })).toBeVisible();
    await page.getByRole("link", { name: /^Jobs as of \d\d:\d\d$/ }).click();
    await expect(page).toHaveURL(/\/jobs\?state=running&kind=demo$/);
    await expectBanner(page, "saved copy");
    // Another list than the one that is kept is another page.
    await page.goto("/jobs?state=failed");
    await expectAway(page);
    await page.goto(`/jobs/${job}`);
    await milepost.start();
    await expect(state(page)).toContainText("Interrupted", { timeout: 40_000 });
    await live(page);
  });

  test("an open page says how old it is, and keeps what was typed", async () => {
    await page.goto("/new/checksum");
    await live(page);
    await expect(banner(page)).toBeHidden();
    await milepost.kill();
    await expectBanner(page, /Connection lost at \d\d:\d\d:\d\d/);
    await expect(page.locator(".away .age")).toHaveText(/\(\d+ s ago\)/);
    await milepost.start();
    await expect(banner(page)).toBeHidden({ timeout: 40_000 });
  });

  test("its pages are accessible", async () => {
    await startJob(context.request, "demo", { seconds: 600 });
    await look(page, "/jobs");
    await look(page, "/");
    await milepost.kill();
    await page.goto("/");
    await expect(banner(page)).toBeVisible();
    await check(page, "a kept overview");
    await page.goto("/jobs");
    await check(page, "a kept list of jobs");
    await page.goto("/queues");
    await check(page, "a page in place of another");
  });

  test("nothing is kept but the two pages and their files", async () => {
    const job = await startJob(context.request, "demo", { seconds: 0 });
    await look(page, "/");
    await look(page, "/jobs?q=nothing-of-this-name");
    for (const path of [`/jobs/${job}`, "/queues", "/new", "/new/demo", "/nothing-here"]) await page.goto(path);
    await look(page, "/jobs");
    await page.evaluate(() => fetch("/jobs/1/log"));
    await expect.poll(async () => (await keptIn(page)).filter((path) => !/^\/(pkg|[a-z]+\.)/.test(path))).toEqual(["/", "/away", "/jobs"]);
    const files = (await keptIn(page)).filter((path) => /^\/(pkg|[a-z]+\.)/.test(path)).map((path) => path.replace(/pkg[^/]*/, "pkg"));
    expect(files).toEqual(["/back.js", "/icons.svg", "/mark.svg", "/pkg/milepost.css", "/pkg/milepost.js", "/pkg/milepost.wasm"]);
    // The one looked at last took the other's place.
    await milepost.kill();
    await page.goto("/jobs");
    await expect(page).toHaveURL(/\/jobs$/);
    await expect(page.locator("main tbody tr")).toHaveCount(1);
    await page.goto("/jobs?q=nothing-of-this-name");
    await expectAway(page);
    // A file is no page.
    await expect(page.goto(`/jobs/${job}/log`)).rejects.toThrow(/net::ERR_/);
  });

  test("a title that names a file keeps nothing and stops nothing", async () => {
    const titles = ['"/nothing.js"', '<link href="/nothing.js">', '<script src="/nothing.js"></script>'];
    for (const urls of titles) await startJob(context.request, "check-links", { urls });
    const expectTitles = async () => {
      for (const title of titles) await expect(page.getByRole("main")).toContainText(`Check ${title}`);
    };
    await look(page, "/jobs");
    await expectTitles();
    expect(await keptIn(page)).not.toContain("/nothing.js");
    await milepost.kill();
    await page.goto("/jobs");
    await expectBanner(page, "saved copy");
    await expectTitles();
  });

  test("files of older builds, and copies older than a day, are dropped", async () => {
    await look(page, "/");
    await page.evaluate(async () => {
      const cache = await caches.open((await caches.keys())[0]!);
      await cache.put("/pkg-000000000000/milepost.css", new Response("old"));
    });
    await look(page, "/jobs");
    await expect.poll(() => keptIn(page)).not.toContain("/pkg-000000000000/milepost.css");
    await page.evaluate(async () => {
      const cache = await caches.open((await caches.keys())[0]!);
      const copy = (await cache.match("/"))!;
      const headers = new Headers(copy.headers);
      headers.set("milepost-kept-at", String(Date.now() - 86_400_000));
      await cache.put("/", new Response(await copy.text(), { headers }));
    });
    await milepost.kill();
    await page.goto("/");
    await expectAway(page);
    await expect(page.getByRole("link", { name: "Overview" })).toHaveCount(0);
    expect(await keptIn(page)).not.toContain("/");
    await expect(page.getByRole("link", { name: "Jobs" })).toBeVisible();
  });

  test("what somebody else answers in its place is not taken for it", async () => {
    await look(page, "/");
    await milepost.kill();
    const { port } = new URL(milepost.url);
    let status = 502;
    const proxy = createServer((_, answer) => {
      if (status === 0) return; // takes the request, and never answers
      answer.writeHead(status, { "content-type": "text/html" }).end("<html data-now=\"1\"><h1>Not Milepost</h1>");
    });
    await new Promise<void>((done) => proxy.listen(Number(port), "127.0.0.1", done));
    try {
      for (status of [502, 503, 504]) {
        await page.goto("/");
        await expectBanner(page, "saved copy", `status ${status}`);
        await page.goto("/queues");
        await expectAway(page);
      }
      // Whoever asks for a password in a hotel is shown, and not kept.
      status = 200;
      await page.goto("/");
      await expect(page.getByRole("heading")).toHaveText("Not Milepost");
      status = 0;
      const began = Date.now();
      await page.goto("/");
      expect(Date.now() - began).toBeGreaterThan(9_000);
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Overview");
    } finally {
      await close(proxy);
    }
  });

  test("a server that lets nothing be kept takes away what was, and the worker", async () => {
    await look(page, "/");
    await milepost.kill();
    const strict = new Milepost(["--kept-pages", "false"]);
    strict.url = milepost.url;
    await strict.start();
    try {
      await page.goto("/");
      await expect.poll(() => keptIn(page)).toEqual([]);
      await expect.poll(() => page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length)).toBe(0);
    } finally {
      await strict.remove();
    }
  });
});

/** Ends a server with whoever still waits for it. */
async function close(server: Server) {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
}

test("at a plain http address of another machine there is no worker, and nothing is missed", async () => {
  const port = await freePort();
  const milepost = new Milepost(["--public-url", `http://nas.test:${port}`]);
  milepost.url = `http://127.0.0.1:${port}`;
  await milepost.start();
  const { launchOptions } = test.info().project.use;
  const browser = await chromium.launch({ ...launchOptions, args: [...(launchOptions?.args ?? []), "--host-resolver-rules=MAP nas.test 127.0.0.1"] });
  try {
    const page = await browser.newPage();
    const wrong: string[] = [];
    page.on("pageerror", (error) => wrong.push(String(error)));
    await page.goto(`http://nas.test:${port}/`);
    await live(page);
    expect(await page.evaluate(() => [isSecureContext, "serviceWorker" in navigator])).toEqual([false, false]);
    // An open page still says that it has lost the server.
    await milepost.kill();
    await expectBanner(page, "Connection lost at");
    await milepost.start();
    await expect(banner(page)).toBeHidden({ timeout: 40_000 });
    expect(wrong).toEqual([]);
  } finally {
    await browser.close();
    await milepost.remove();
  }
});

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await close(server);
  return port;
}

test("below a base path it keeps and shows only what is there", async ({ browser }) => {
  const milepost = await new Milepost(["--base-path", "/milepost"]).start();
  const context = await browser.newContext({ baseURL: milepost.url });
  const page = await context.newPage();
  try {
    await look(page, "/milepost/");
    await look(page, "/milepost/jobs");
    await page.evaluate(async () => (await caches.open("of a neighbour")).put("/theirs", new Response("theirs")));
    const scopes = await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).map(({ scope }) => new URL(scope).pathname));
    expect(scopes).toEqual(["/milepost/"]);
    await milepost.kill();
    for (const path of ["/milepost/", "/milepost/jobs"]) {
      await page.goto(path);
      await expectBanner(page, "saved copy");
      await expect(page.locator(".link")).toBeVisible();
    }
    await page.goto("/milepost/queues");
    await expect(page.getByRole("link", { name: /^Overview as of/ })).toHaveAttribute("href", "/milepost/");
    await milepost.start();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Queues", { timeout: 40_000 });
    expect(await keptIn(page)).toContain("/theirs");
    expect((await keptIn(page)).filter((path) => !path.startsWith("/milepost/"))).toEqual(["/theirs"]);
  } finally {
    await context.close();
    await milepost.remove();
  }
});
