// Files of the program that are loaded later: without them a page works as without script, and they are requested again.
import { type BrowserContext, type Page, type Route } from "@playwright/test";
import { expect, startJob, state, test, waitUntilLive } from "./support/milepost.ts";

const files = /\/(split|chunk)_[^/]*\.wasm/;

const faults: Record<string, (route: Route) => Promise<void>> = {
  missing: (route) => route.fulfill({ status: 404, body: "There is no such file.\n" }),
  "a server error": (route) => route.fulfill({ status: 500, body: "" }),
  "cut short": async (route) => {
    const whole = await route.fetch();
    const body = await whole.body();
    await route.fulfill({ contentType: "application/wasm", body: body.subarray(0, body.length / 2) });
  },
  "a page of a proxy": (route) => route.fulfill({ contentType: "text/html", body: "<h1>Sign in to the network</h1>" }),
  "lost with the network": (route) => route.abort("internetdisconnected"),
};

/** Collects what would stop the program: exceptions and rejected promises. */
function collectErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on("pageerror", (error) => {
    // The browser's own, of an animation between two pages that it drops.
    if (!error.message.includes("ViewTransition")) errors.push(`${page.url()}: ${error}`);
  });
  return errors;
}

/** Applies a fault to the split files until `mend` is called, and counts their requests. */
async function breakFiles(context: BrowserContext, fault: (route: Route) => Promise<void>) {
  let count = 0;
  let broken = true;
  await context.route(files, (route) => {
    count += 1;
    return broken ? fault(route) : route.continue();
  });
  return { requests: () => count, mend: () => (broken = false) };
}

for (const [name, fault] of Object.entries(faults)) {
  test(`split files, ${name}: forms work, and the page follows its job once they are back`, async ({ page, context, request }) => {
    const errors = collectErrors(page);
    const { requests, mend } = await breakFiles(context, fault);
    await page.goto("/new/demo");
    await waitUntilLive(page);
    await expect.poll(requests).toBeGreaterThan(0);
    await page.getByLabel("Seconds", { exact: true }).fill("soon");
    await page.getByRole("button", { name: "Start job" }).click();
    await expect(page.getByRole("alert"), "the plain form reports errors").toContainText("fix 1 field");
    await page.getByLabel("Seconds", { exact: true }).fill("600");
    await page.getByRole("button", { name: "Start job" }).click();
    await expect(page).toHaveURL(/\/jobs\/\d+$/);

    await waitUntilLive(page);
    const main = page.getByRole("main");
    const submitted = page.waitForRequest((sent) => sent.isNavigationRequest() && sent.method() === "POST");
    await main.getByRole("button", { name: "Cancel" }).first().click();
    await submitted;
    await expect(state(page)).toContainText("Cancelled");

    const job = await startJob(request, "demo", { seconds: 60 });
    await page.goto(`/jobs/${job}`);
    await waitUntilLive(page);
    await expect(state(page), "the rest of the page is live").toContainText("Running");
    const card = page.getByRole("region", { name: "Progress", exact: true });
    await expect.poll(requests).toBeGreaterThan(1);
    const before = await card.textContent();
    mend();
    await expect.poll(() => card.textContent(), { timeout: 60_000, message: "the card follows its job" }).not.toBe(before);
    await expect(page.getByRole("button", { name: "Follow" }), "the log is enhanced").toBeVisible();
    expect(errors).toEqual([]);
  });
}

test("split files: requested again when the network is back, with growing pauses until then", async ({ page, context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const { requests } = await breakFiles(context, (route) => route.abort("internetdisconnected"));
  await page.clock.install();
  await page.goto(`/jobs/${job}`);
  await expect.poll(requests).toBeGreaterThan(0);
  await page.clock.runFor(3_600_000);
  // Three files: the progress card, the log, and what keeps the page up to date.
  expect(requests(), "in an hour").toBeLessThan(60);
  const before = requests();
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await expect.poll(requests).toBeGreaterThan(before);
});
