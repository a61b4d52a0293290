// Hydration: every page is taken over by the browser as the server drew it, without a warning.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, type Page } from "@playwright/test";
import { everyPage, test, type Visit } from "./support/every-page.ts";
import { startJob, test as single, waitUntilLive } from "./support/milepost.ts";

/** Collects warnings and errors of a page; the browser also reports the status of pages that are errors themselves. */
function collectWarnings(page: Page, into: string[]) {
  page.on("console", (message) => {
    const isOwnStatus = message.text().startsWith("Failed to load resource") && message.location().url === page.url();
    if (["warning", "error"].includes(message.type()) && !isOwnStatus) into.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => into.push(`${page.url()}: ${error}`));
}

/** What our hydration script (app/src/layout/hydration.rs) relies on and a page lacks. */
function unmetAssumptions(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const islands = [...document.querySelectorAll<HTMLElement>("leptos-island")];
    const address = document.querySelector("script[type=module]")?.textContent?.match(/import\("([^"]+)"\)/)?.[1];
    if (islands.length === 0) return [];
    if (!address) return ["a script that imports the program"];
    const program = await import(address);
    const isJson = (text = "{}") => {
      try {
        return typeof JSON.parse(text) === "object";
      } catch {
        return false;
      }
    };
    return [
      ...islands.filter((island) => typeof program[String(island.dataset["component"])] !== "function").map((island) => `an export for the island ${island.outerHTML.slice(0, 80)}`),
      ...islands.filter((island) => !isJson(island.dataset["props"])).map((island) => `JSON in data-props of ${island.dataset["component"]}`),
      ...(document.querySelector("leptos-island leptos-island") ? ["islands without islands inside"] : []),
      ...(document.querySelector("leptos-children") ? ["islands without children"] : []),
      ...(typeof program.hydrate === "function" ? [] : ["an export hydrate"]),
      ...(String(program.default).includes("module_or_path") ? [] : ["the option module_or_path of wasm-bindgen's start"]),
    ];
  });
}

/** Opens the pages in several tabs at once. Returns the warnings. */
async function visitAll(open: () => Promise<Page>, paths: string[]): Promise<string[]> {
  const warnings: string[] = [];
  const queue = [...paths];
  const tab = async () => {
    const page = await open();
    collectWarnings(page, warnings);
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      await page.goto(path);
      if ((await page.locator("leptos-island").count()) > 0) await waitUntilLive(page);
      await page.waitForTimeout(1_500); // the clock has moved, and every part was fetched
      const unmet = await unmetAssumptions(page);
      warnings.push(...unmet.map((missing) => `${path}: the page has not ${missing}. Compare app/src/layout/hydration.rs with Leptos' HydrationScripts`));
    }
  };
  await Promise.all(Array.from({ length: 4 }, tab));
  return warnings;
}

test("every page hydrates without warnings", async ({ browser, content }) => {
  test.setTimeout(300_000);
  for (const { server, user, pages } of Object.values<Visit>(everyPage(content))) {
    const context = await browser.newContext({ baseURL: server.url, storageState: user?.session });
    expect(await visitAll(() => context.newPage(), Object.values(pages))).toEqual([]);
    await context.close();
  }
});

test("every page of the route table is among those", async ({ content }) => {
  const table = readFileSync(resolve(import.meta.dirname, "../../server/src/http/router.rs"), "utf8");
  const routes = [...table.matchAll(/\bget\("([^"]+)", \w+, Answer,/g)].map(([, route]) => String(route));
  expect(routes).toContain("/jobs/{id}");
  const paths = Object.values<Visit>(everyPage(content)).flatMap(({ server, pages }) =>
    Object.values(pages).map((path) => new URL(path, server.url).pathname),
  );
  const isVisited = (route: string) => {
    const pattern = new RegExp(`^${route.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
    return paths.some((path) => pattern.test(path));
  };
  expect(routes.filter((route) => !isVisited(route)), "add them to support/every-page.ts").toEqual([]);
  expect(content.kinds).toContain("checksum");
});

single("progress card: shows what changed before its code arrived", async ({ page, request }) => {
  let arrive = () => {};
  const arrival = new Promise<void>((resolve) => (arrive = resolve));
  await page.route(/\/split_.*\.wasm/, async (route) => {
    await arrival;
    await route.continue();
  });
  const job = await startJob(request, "demo", { seconds: 1, stall_seconds: 8 });
  const code = page.waitForResponse(/\/split_job_progress.*\.wasm/);
  await page.goto(`/jobs/${job}`);
  const message = "Not responding for 8 s, on purpose";
  await expect.poll(async () => (await request.get(`/jobs/${job}`)).text()).toContain(message);
  arrive();
  await code;
  await expect(page.getByText(message)).toBeVisible();
});
