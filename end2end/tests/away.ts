// What a browser keeps for when the server is away.
import { type Page } from "@playwright/test";
import { expect, live } from "./milepost.ts";

/** The banner over a page that is not up to date. */
export const banner = (page: Page) => page.getByRole("region", { name: "Connection" });

/** That the banner says something. What it does not show is there too. */
export async function expectBanner(page: Page, text: string | RegExp, message?: string) {
  await expect(banner(page), message).toHaveText(text instanceof RegExp ? text : new RegExp(text), { useInnerText: true });
}

/** That a page stands in place of one that is not kept. */
export async function expectAway(page: Page) {
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("The server cannot be reached");
}

/** The paths of all that the browser keeps of this origin. */
export function keptIn(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const all = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
    const keys = await Promise.all(all.map((cache) => cache.keys()));
    return keys.flat().map(({ url }) => new URL(url).pathname).sort();
  });
}

/** Those of pages that belong to somebody. */
export const copiesIn = async (page: Page) => (await keptIn(page)).filter((path) => path === "/" || path === "/jobs");

/** Looks at a page until it is live and the browser has kept it. */
export async function look(page: Page, path: string) {
  await page.goto(path);
  await live(page);
  const kept = () => page.evaluate(async (path) => (await caches.match(path))?.headers.get("milepost-address"), new URL(page.url()).pathname);
  await expect.poll(kept, { message: `${path} is kept` }).toBe(path);
}
