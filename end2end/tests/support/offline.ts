// Offline pages: the banner, the offline page and the cache of the service worker.
import { type Page } from "@playwright/test";
import { expect, waitUntilLive } from "./milepost.ts";

/** The banner on a page that is not up to date. */
export const banner = (page: Page) => page.getByRole("region", { name: "Connection" });

/** Checks the visible text of the banner; it contains hidden text, too. */
export async function expectBanner(page: Page, text: string | RegExp, message?: string) {
  await expect(banner(page), message).toHaveText(text instanceof RegExp ? text : new RegExp(text), { useInnerText: true });
}

/** Checks that the offline page is shown in place of a page that is not saved. */
export async function expectOfflinePage(page: Page) {
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("The server cannot be reached");
}

/** Paths of all cached responses of this origin. */
export function cachedPaths(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const all = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
    const keys = await Promise.all(all.map((cache) => cache.keys()));
    return keys.flat().map(({ url }) => new URL(url).pathname).sort();
  });
}

/** Paths of the saved pages, which belong to a session. */
export const savedPages = async (page: Page) => (await cachedPaths(page)).filter((path) => path === "/" || path === "/jobs");

/** Opens a page and waits until it is live and saved. */
export async function openAndSave(page: Page, path: string) {
  await page.goto(path);
  await waitUntilLive(page);
  const saved = () => page.evaluate(async (path) => (await caches.match(path))?.headers.get("milepost-address"), new URL(page.url()).pathname);
  await expect.poll(saved, { message: `${path} is saved` }).toBe(path);
}
