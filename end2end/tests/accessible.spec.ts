// Every page, in both schemes and on a phone: no violation axe can find, nothing wider than the screen.
import AxeBuilder from "@axe-core/playwright";
import { type Page } from "@playwright/test";
import { expect, startJob, state, test } from "./milepost.ts";

const fixed = ["/", "/jobs", "/new", "/new/checksum", "/new/import-csv", "/new/check-links", "/new/demo", "/jobs/999999", "/nothing-here"];

async function check(page: Page, where: string) {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const { violations } = await new AxeBuilder({ page }).analyze();
    const found = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join("\n")}`);
    expect(found, `${where}, ${colorScheme}`).toEqual([]);
  }
  await page.setViewportSize({ width: 360, height: 740 });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width, `${where} is wider than a phone`).toBeLessThanOrEqual(360);
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join("\n")}`), `${where}, 360 px`).toEqual([]);
}

for (const path of fixed) {
  test(`${path} is accessible`, async ({ page }) => {
    await page.goto(path);
    await check(page, path);
  });
}

const endings = { succeed: "Succeeded", warn: "Succeeded with warnings", fail: "Failed", panic: "Failed" };

for (const [ending, word] of Object.entries(endings)) {
  test(`the page of a job that ends with ${ending} is accessible`, async ({ page, request }) => {
    const job = await startJob(request, "demo", { seconds: 1, ending });
    await page.goto(`/jobs/${job}`);
    await expect(state(page)).toContainText(word);
    await page.reload();
    await check(page, `a job that is ${word}`);
  });
}

const moving = { "its page": (job: number) => `/jobs/${job}`, "the list": () => "/jobs", "the overview": () => "/" };

for (const [what, path] of Object.entries(moving)) {
  test(`while a job runs ${what} is accessible`, async ({ page, request }) => {
    const job = await startJob(request, "demo", { seconds: 600 });
    await page.goto(path(job));
    await check(page, `${what} while a job runs`);
    await request.post("/api/cancel_job", { form: { id: String(job) } });
  });
}

test("the page of a cancelled job is accessible", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  await request.post("/api/cancel_job", { form: { id: String(job) } });
  await page.goto(`/jobs/${job}`);
  await expect(state(page)).toContainText("Cancelled");
  await check(page, "a cancelled job");
});
