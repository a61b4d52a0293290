// Service worker upgrade: a browser with the worker of the last release, `/away.js`, opens a server of this release.
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, request as httpRequest, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Page } from "@playwright/test";
import { expect, Milepost, test as base } from "./support/milepost.ts";
import { cachedPaths, expectBanner, expectOfflinePage, openAndSave } from "./support/offline.ts";

/** The service worker as the last release served it. */
const oldWorker = readFileSync(join(import.meta.dirname, "fixtures/away.js.txt"));

const scriptHeaders = { "content-type": "text/javascript", "cache-control": "no-cache" };
/** Paths that the last release did not have, and the new paths of those that it had. */
const newPaths = ["/service-worker.js", "/offline", "/offline.js"];
const renamed: Record<string, string> = { "/away": "/offline", "/back.js": "/offline.js" };

/** A proxy that makes a server look like one of the last release until `upgrade`. */
class Release {
  url = "";
  private old = true;
  private readonly proxy: Server;

  constructor(private target: string) {
    this.proxy = createServer((from, to) => this.forward(from, to));
  }

  async start(): Promise<this> {
    this.proxy.listen(0, "127.0.0.1");
    await new Promise((listening) => this.proxy.once("listening", listening));
    this.url = `http://127.0.0.1:${(this.proxy.address() as AddressInfo).port}`;
    return this;
  }

  /** From now on every response is that of the server, or of another one. */
  upgrade(target = this.target) {
    this.target = target;
    this.old = false;
  }

  stop() {
    this.proxy.closeAllConnections();
    this.proxy.close();
  }

  private forward(from: IncomingMessage, to: ServerResponse) {
    const url = new URL(from.url ?? "/", this.target);
    if (this.old) {
      if (newPaths.includes(url.pathname)) return void to.writeHead(404).end();
      if (url.pathname === "/away.js") return void to.writeHead(200, scriptHeaders).end(oldWorker);
      url.pathname = renamed[url.pathname] ?? url.pathname;
    }
    const headers = { ...from.headers, "accept-encoding": "identity" };
    const through = httpRequest(url, { method: from.method, headers }, (response) => {
      const html = response.headers["content-type"]?.startsWith("text/html");
      if (!this.old || !html) {
        to.writeHead(response.statusCode ?? 502, response.headers);
        to.flushHeaders();
        response.pipe(to);
        return;
      }
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.once("end", () => {
        const { "content-length": _, ...rest } = response.headers;
        to.writeHead(response.statusCode ?? 502, rest).end(text.replaceAll("/service-worker.js", "/away.js").replaceAll("/offline.js", "/back.js"));
      });
    });
    through.once("error", () => to.destroy());
    to.once("close", () => through.destroy());
    from.pipe(through);
  }
}

const test = base.extend<{ server: Milepost; release: Release }>({
  // One for each test, since it is killed.
  server: async ({}, use) => {
    const milepost = await new Milepost().start();
    await use(milepost);
    await milepost.remove();
  },
  release: async ({ server }, use) => {
    const release = await new Release(server.url).start();
    await use(release);
    release.stop();
  },
  baseURL: async ({ release }, use) => use(release.url),
});

/** Script paths of all installed workers, and of the one that controls the page. */
const workers = (page: Page) =>
  page.evaluate(async () => {
    const path = (worker: ServiceWorker | null) => worker && new URL(worker.scriptURL).pathname;
    const registrations = await navigator.serviceWorker.getRegistrations();
    const installed = registrations.flatMap(({ installing, waiting, active }) => [installing, waiting, active].map(path).filter(Boolean));
    return { installed, controller: path(navigator.serviceWorker.controller) };
  });

const cacheNames = (page: Page) => page.evaluate(() => caches.keys());

/** Visits the last release until its worker is installed and has saved both pages. */
async function installOldWorker(page: Page) {
  await openAndSave(page, "/");
  await openAndSave(page, "/jobs");
  expect(await workers(page)).toEqual({ installed: ["/away.js"], controller: "/away.js" });
  expect(await cachedPaths(page)).toEqual(expect.arrayContaining(["/", "/away", "/back.js", "/jobs"]));
}

test("service worker upgrade: the new worker replaces the old one and its cache", async ({ page, server, release }) => {
  await installOldWorker(page);
  const [oldCache] = await cacheNames(page);
  release.upgrade();
  await page.goto("/");
  await expect.poll(() => workers(page)).toEqual({ installed: ["/service-worker.js"], controller: "/service-worker.js" });
  await expect.poll(() => cacheNames(page)).not.toContain(oldCache);
  await openAndSave(page, "/");
  await openAndSave(page, "/jobs");
  expect(await workers(page)).toEqual({ installed: ["/service-worker.js"], controller: "/service-worker.js" });
  expect(await cacheNames(page)).toHaveLength(1);
  const cached = await cachedPaths(page);
  expect(cached).toEqual(expect.arrayContaining(["/", "/jobs", "/offline", "/offline.js"]));
  expect(cached.filter((path) => path === "/away" || path === "/back.js")).toEqual([]);

  await server.kill();
  await page.goto("/");
  await expectBanner(page, "saved copy");
  await page.goto("/queues");
  await expectOfflinePage(page);
  await expect(page.getByRole("link", { name: /^Jobs as of/ })).toBeVisible();
  await server.start();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Queues", { timeout: 40_000 });
});

test("service worker upgrade: with --kept-pages false the old worker and its cache are removed", async ({ page, release }) => {
  await installOldWorker(page);
  const strict = await new Milepost(["--kept-pages", "false"]).start();
  try {
    release.upgrade(strict.url);
    await page.goto("/");
    await expect.poll(async () => (await workers(page)).installed).toEqual([]);
    await expect.poll(() => cacheNames(page)).toEqual([]);
  } finally {
    await strict.remove();
  }
});
