// Offline pages: what the service worker saves, what it shows while the server is unreachable, and recovery.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { type BrowserContext, chromium, type Page } from "@playwright/test";
import { checkAccessibility } from "./support/accessibility.ts";
import { banner, cachedPaths, expectBanner, expectOfflinePage, openAndSave } from "./support/offline.ts";
import { expect, Milepost, startJob, state, test, waitUntilLive } from "./support/milepost.ts";

/** Difference of the page's clock to the browser's when it was loaded, seconds. */
const clockError = (page: Page) =>
  page.evaluate(() => Math.abs(Number(document.documentElement.dataset["now"]) / 1e6 - performance.timeOrigin / 1e3));

test.describe("offline", () => {
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

  test("saved overview and job list: open with a banner and become live with the server", async () => {
    const job = await startJob(context.request, "demo", { seconds: 600, attempts: 1 });
    await openAndSave(page, "/");
    await openAndSave(page, "/jobs?state=running");
    await milepost.kill();

    await page.goto("/");
    await expectBanner(page, /Server unreachable. Showing a saved copy from \d\d:\d\d:\d\d/);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Overview");
    await expect(page.locator(".card"), "the style sheet is loaded").not.toHaveCount(0);
    expect(await page.locator(".sidebar").evaluate((sidebar) => getComputedStyle(sidebar).position)).toBe("sticky");
    // Hydrated: only the script shows the connection and the age of the copy.
    await expect(page.locator(".link")).toHaveAttribute("data-link", "connecting");
    await expect(page.locator(".away .age")).toHaveText(/\(\d+ s ago\)/);
    expect(await clockError(page)).toBeLessThan(3);
    await expect(page.getByRole("region", { name: "Needs attention" })).toHaveCount(0);

    // The copy is of one address. The list without a filter is another, and names the one that is saved.
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Jobs" }).click();
    await expect(page).toHaveURL(/\/jobs$/);
    await expectOfflinePage(page);
    await expect(page.getByText("There is no saved copy of /jobs", { exact: true })).toBeVisible();
    await expect(page.getByRole("listitem").filter({ hasText: "Jobs as of" })).toContainText("/jobs?state=running");
    await page.getByRole("link", { name: /^Jobs as of/ }).click();
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
    await expect(row, "the restarted server interrupted the job").toContainText("Interrupted");
    await expect(overview.getByRole("region", { name: "Needs attention" }), "rendered by the server").toContainText("was interrupted");
    const next = await startJob(context.request, "demo", { seconds: 600 });
    await expect(page.getByRole("link", { name: "Show 1 new job" })).toBeVisible();
    await page.reload();
    await expect(page.locator("main tbody tr")).toContainText(`#${next}`);
    await expect(page.locator("html[data-copy]")).toHaveCount(0);
    expect(job).not.toBe(next);
  });

  test("other page: shows the offline page with links and loads when the server is back", async () => {
    const job = await startJob(context.request, "demo", { seconds: 600, attempts: 1 });
    await openAndSave(page, "/jobs?state=running&kind=demo");
    await openAndSave(page, "/");
    await milepost.kill();
    expect((await page.goto(`/jobs/${job}`))?.status()).toBe(503);
    await expectOfflinePage(page);
    await expect(page.getByRole("link", { name: /^Overview as of \d\d:\d\d$/ })).toBeVisible();
    await page.getByRole("link", { name: /^Jobs as of \d\d:\d\d$/ }).click();
    await expect(page).toHaveURL(/\/jobs\?state=running&kind=demo$/);
    await expectBanner(page, "saved copy");
    // A list with another filter is not saved. Its address is shown as text.
    for (const query of ["state=failed", "q=<b>'&\"", `q=${"long".repeat(200)}`]) {
      await page.goto(`/jobs?${query}`);
      await expectOfflinePage(page);
      const address = new URL(page.url()).pathname + new URL(page.url()).search;
      await expect(page.locator(".missing code")).toHaveText(address.length > 200 ? `${address.slice(0, 200)}…` : address);
      await expect(page.locator(".missing code *")).toHaveCount(0);
    }
    await page.goto(`/jobs/${job}`);
    await milepost.start();
    await expect(state(page)).toContainText("Interrupted", { timeout: 40_000 });
    await waitUntilLive(page);
  });

  test("open page: shows how long the connection has been lost", async () => {
    await page.goto("/new/checksum");
    await waitUntilLive(page);
    await expect(banner(page)).toBeHidden();
    await milepost.kill();
    await expectBanner(page, /Connection lost at \d\d:\d\d:\d\d/);
    await expect(page.locator(".away .age")).toHaveText(/\(\d+ s ago\)/);
    await milepost.start();
    await expect(banner(page)).toBeHidden({ timeout: 40_000 });
  });

  test("saved pages and offline page: have no accessibility violations", async () => {
    await startJob(context.request, "demo", { seconds: 600 });
    await openAndSave(page, "/jobs");
    await openAndSave(page, "/");
    await milepost.kill();
    await page.goto("/");
    await expect(banner(page)).toBeVisible();
    await checkAccessibility(page, "saved overview");
    await page.goto("/jobs");
    await checkAccessibility(page, "saved job list");
    await page.goto("/queues");
    await checkAccessibility(page, "offline page");
  });

  test("cache: contains only the two pages and their assets", async () => {
    const job = await startJob(context.request, "demo", { seconds: 0 });
    await openAndSave(page, "/");
    await openAndSave(page, "/jobs?q=nothing-of-this-name");
    for (const path of [`/jobs/${job}`, "/queues", "/new", "/new/demo", "/nothing-here"]) await page.goto(path);
    await openAndSave(page, "/jobs");
    await page.evaluate(() => fetch("/jobs/1/log"));
    await expect.poll(async () => (await cachedPaths(page)).filter((path) => !/^\/(pkg|[a-z]+\.)/.test(path))).toEqual(["/", "/jobs", "/offline"]);
    const files = (await cachedPaths(page)).filter((path) => /^\/(pkg|[a-z]+\.)/.test(path)).map((path) => path.replace(/pkg[^/]*/, "pkg"));
    const program = ["__wasm_split.______________________.js", "milepost.css", "milepost.js", "milepost.wasm"];
    expect(files).toEqual(["/icons.svg", "/mark.svg", "/offline.js", ...program.map((file) => `/pkg/${file}`)]);
    // The list opened last replaced the previous copy.
    await milepost.kill();
    await page.goto("/jobs");
    await expect(page).toHaveURL(/\/jobs$/);
    await expect(page.locator("main tbody tr")).toHaveCount(1);
    await page.goto("/jobs?q=nothing-of-this-name");
    await expectOfflinePage(page);
    // A file is not replaced by the offline page.
    await expect(page.goto(`/jobs/${job}/log`)).rejects.toThrow(/net::ERR_/);
  });

  test("cache: a job title that contains a file name has no effect", async () => {
    const titles = ['"/nothing.js"', '<link href="/nothing.js">', '<script src="/nothing.js"></script>'];
    for (const urls of titles) await startJob(context.request, "check-links", { urls });
    const expectTitles = async () => {
      for (const title of titles) await expect(page.getByRole("main")).toContainText(`Check ${title}`);
    };
    await openAndSave(page, "/jobs");
    await expectTitles();
    expect(await cachedPaths(page)).not.toContain("/nothing.js");
    await milepost.kill();
    await page.goto("/jobs");
    await expectBanner(page, "saved copy");
    await expectTitles();
  });

  test("cache: assets of older builds and copies older than a day are deleted", async () => {
    await openAndSave(page, "/");
    await page.evaluate(async () => {
      const cache = await caches.open((await caches.keys())[0]!);
      await cache.put("/pkg-000000000000/milepost.css", new Response("old"));
    });
    await openAndSave(page, "/jobs");
    await expect.poll(() => cachedPaths(page)).not.toContain("/pkg-000000000000/milepost.css");
    await page.evaluate(async () => {
      const cache = await caches.open((await caches.keys())[0]!);
      const copy = (await cache.match("/"))!;
      const headers = new Headers(copy.headers);
      headers.set("milepost-kept-at", String(Date.now() - 86_400_000));
      await cache.put("/", new Response(await copy.text(), { headers }));
    });
    await milepost.kill();
    await page.goto("/");
    await expectOfflinePage(page);
    await expect(page.getByRole("link", { name: "Overview" })).toHaveCount(0);
    expect(await cachedPaths(page)).not.toContain("/");
    await expect(page.getByRole("link", { name: "Jobs" })).toBeVisible();
  });

  test("proxy response: is not taken for a page of the server", async () => {
    await openAndSave(page, "/");
    await milepost.kill();
    const { port } = new URL(milepost.url);
    let status = 502;
    const proxy = createServer((_, response) => {
      if (status === 0) return; // accepts the request and never responds
      response.writeHead(status, { "content-type": "text/html" }).end("<html data-now=\"1\"><h1>Not Milepost</h1>");
    });
    await new Promise<void>((done) => proxy.listen(Number(port), "127.0.0.1", done));
    try {
      for (status of [502, 503, 504]) {
        await page.goto("/");
        await expectBanner(page, "saved copy", `status ${status}`);
        await page.goto("/queues");
        await expectOfflinePage(page);
      }
      // A captive portal is shown and not saved.
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

  test("server with --kept-pages false: removes the saved pages and the worker", async () => {
    await openAndSave(page, "/");
    await milepost.kill();
    const strict = new Milepost(["--kept-pages", "false"]);
    strict.url = milepost.url;
    await strict.start();
    try {
      await page.goto("/");
      await expect.poll(() => cachedPaths(page)).toEqual([]);
      await expect.poll(() => page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length)).toBe(0);
    } finally {
      await strict.remove();
    }
  });
});

/** Closes a server and all of its connections. */
async function close(server: Server) {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
}

test("plain http address: has no service worker and works without it", async () => {
  const port = await freePort();
  const milepost = new Milepost(["--public-url", `http://nas.test:${port}`]);
  milepost.url = `http://127.0.0.1:${port}`;
  await milepost.start();
  const { launchOptions } = test.info().project.use;
  const browser = await chromium.launch({ ...launchOptions, args: [...(launchOptions?.args ?? []), "--host-resolver-rules=MAP nas.test 127.0.0.1"] });
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(`http://nas.test:${port}/`);
    await waitUntilLive(page);
    expect(await page.evaluate(() => [isSecureContext, "serviceWorker" in navigator])).toEqual([false, false]);
    // An open page still reports that the connection is lost.
    await milepost.kill();
    await expectBanner(page, "Connection lost at");
    await milepost.start();
    await expect(banner(page)).toBeHidden({ timeout: 40_000 });
    expect(errors).toEqual([]);
  } finally {
    await browser.close();
    await milepost.remove();
  }
});

/** Returns an unused port. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await close(server);
  return port;
}

test("base path: only pages below it are saved and shown", async ({ browser }) => {
  const milepost = await new Milepost(["--base-path", "/milepost"]).start();
  const context = await browser.newContext({ baseURL: milepost.url });
  const page = await context.newPage();
  try {
    await openAndSave(page, "/milepost/");
    await openAndSave(page, "/milepost/jobs");
    await page.evaluate(async () => (await caches.open("another application")).put("/other", new Response("other")));
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
    expect(await cachedPaths(page)).toContain("/other");
    expect((await cachedPaths(page)).filter((path) => !path.startsWith("/milepost/"))).toEqual(["/other"]);
  } finally {
    await context.close();
    await milepost.remove();
  }
});
