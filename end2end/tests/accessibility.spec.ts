// Accessibility of every page: light, dark and at 360 px.
import { checkAccessibility } from "./support/accessibility.ts";
import { expect, startJob, state, test } from "./support/milepost.ts";

const fixed = ["/", "/jobs", "/new", "/new/checksum", "/new/import-csv", "/new/check-links", "/new/demo", "/about", "/jobs/999999", "/nothing-here"];

for (const path of fixed) {
  test(`accessibility: ${path} has no violations`, async ({ page }) => {
    await page.goto(path);
    await checkAccessibility(page, path);
  });
}

const endings = { succeed: "Succeeded", warn: "Succeeded with warnings", fail: "Failed", panic: "Failed" };

for (const [ending, word] of Object.entries(endings)) {
  test(`accessibility: page of a job that ends with ${ending} has no violations`, async ({ page, request }) => {
    const job = await startJob(request, "demo", { seconds: 1, ending });
    await page.goto(`/jobs/${job}`);
    await expect(state(page)).toContainText(word);
    await page.reload();
    await checkAccessibility(page, `a job that is ${word}`);
  });
}

const moving = { "its page": (job: number) => `/jobs/${job}`, "the list": () => "/jobs", "the overview": () => "/" };

for (const [what, path] of Object.entries(moving)) {
  test(`accessibility: ${what} has no violations while a job runs`, async ({ page, request }) => {
    const job = await startJob(request, "demo", { seconds: 600 });
    await page.goto(path(job));
    await checkAccessibility(page, `${what} while a job runs`);
  });
}

test("accessibility: page of a cancelled job has no violations", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  await request.post("/api/cancel_job", { form: { id: String(job) } });
  await page.goto(`/jobs/${job}`);
  await expect(state(page)).toContainText("Cancelled");
  await checkAccessibility(page, "a cancelled job");
});
