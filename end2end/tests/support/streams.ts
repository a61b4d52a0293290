// Event streams of a browser context, and pages that follow a job through them.
import { type BrowserContext, type Page, type Request } from "@playwright/test";
import { completedSteps, expect, waitUntilLive } from "./milepost.ts";

/** Counts the streams of a browser context: opened in total and open now. */
export class Streams {
  opened = 0;
  private readonly active = new Set<Request>();

  constructor(context: BrowserContext) {
    const isStream = (request: Request) => request.method() === "GET" && new URL(request.url()).pathname.endsWith("/events");
    context.on("request", (request) => {
      if (!isStream(request)) return;
      this.opened += 1;
      this.active.add(request);
    });
    for (const end of ["requestfinished", "requestfailed"] as const) context.on(end as "requestfinished", (request) => this.active.delete(request));
  }

  get open(): number {
    return this.pages().length;
  }

  /** Pages with an open stream. The end of a request is not always reported when its page closes. */
  private pages(): Page[] {
    return [...this.active].map((request) => request.frame().page()).filter((page) => !page.isClosed());
  }

  /** The page that holds the one open stream. */
  leaderPage(): Page {
    expect(this.open, "one stream").toBe(1);
    return this.pages()[0]!;
  }
}

export async function openPage(context: BrowserContext, address: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(address);
  await waitUntilLive(page);
  return page;
}

/** Checks that a page shows each log line once and in order. Returns the number of lines. */
export async function completeLogLength(page: Page): Promise<number> {
  const shown = await page.locator(".log .line").evaluateAll((lines) => lines.map((line) => Number(line.id.slice(1))));
  expect(shown, "a log without gaps and doubles").toEqual(shown.map((_, place) => place + 1));
  return shown.length;
}

/** Waits until all pages show the same complete log of at least `atLeast` lines. */
export async function expectSameLog(pages: Page[], atLeast: number) {
  await expect
    .poll(async () => {
      const lengths = await Promise.all(pages.map(completeLogLength));
      return Math.max(...lengths) - Math.min(...lengths) + (Math.min(...lengths) < atLeast ? 1_000 : 0);
    })
    .toBe(0);
}

/** Waits until the progress on a page increases. */
export async function expectProgress(page: Page) {
  const before = await completedSteps(page);
  await expect.poll(() => completedSteps(page), { message: page.url() }).toBeGreaterThan(before);
}

/** Simulates showing or hiding a tab. A headless browser never hides one. */
export async function setVisible(page: Page, visible: boolean) {
  await page.evaluate((visible) => {
    Object.defineProperty(document, "hidden", { value: !visible, configurable: true });
    Object.defineProperty(document, "visibilityState", { value: visible ? "visible" : "hidden", configurable: true });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  }, visible);
}
