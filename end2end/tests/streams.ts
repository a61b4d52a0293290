// Streams as the browser's network panel shows them, and tabs as their readers.
import { type BrowserContext, type Page, type Request } from "@playwright/test";
import { expect, live, steps } from "./milepost.ts";

/** The streams of a context: how many were opened, and how many are open. */
export class Streams {
  opened = 0;
  private readonly now = new Set<Request>();

  constructor(context: BrowserContext) {
    const isStream = (request: Request) => request.method() === "GET" && new URL(request.url()).pathname.endsWith("/events");
    context.on("request", (request) => {
      if (!isStream(request)) return;
      this.opened += 1;
      this.now.add(request);
    });
    for (const end of ["requestfinished", "requestfailed"] as const) context.on(end as "requestfinished", (request) => this.now.delete(request));
  }

  get open(): number {
    return this.pages().length;
  }

  /** The pages that hold them. What becomes of the requests of a page that is closed is not always told. */
  private pages(): Page[] {
    return [...this.now].map((request) => request.frame().page()).filter((page) => !page.isClosed());
  }

  /** The page that holds the one stream. */
  holder(): Page {
    expect(this.open, "one stream").toBe(1);
    return this.pages()[0]!;
  }
}

export async function open(context: BrowserContext, address: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(address);
  await live(page);
  return page;
}

/** That a page shows each line of its log once, in order, up to the newest. Answers how many. */
export async function wholeLog(page: Page): Promise<number> {
  const shown = await page.locator(".log .line").evaluateAll((lines) => lines.map((line) => Number(line.id.slice(1))));
  expect(shown, "a log without gaps and doubles").toEqual(shown.map((_, place) => place + 1));
  return shown.length;
}

/** That all pages come to show the same log, whole, of at least so many lines. */
export async function sameLog(pages: Page[], atLeast: number) {
  await expect
    .poll(async () => {
      const lengths = await Promise.all(pages.map(wholeLog));
      return Math.max(...lengths) - Math.min(...lengths) + (Math.min(...lengths) < atLeast ? 1_000 : 0);
    })
    .toBe(0);
}

/** That a page moves from now on. */
export async function moves(page: Page) {
  const before = await steps(page);
  await expect.poll(() => steps(page), { message: page.url() }).toBeGreaterThan(before);
}
