// Every page, in both schemes and on a phone.
import { check } from "./accessible.ts";
import { expect, startJob, state, test } from "./milepost.ts";

const fixed = ["/", "/jobs", "/new", "/new/checksum", "/new/import-csv", "/new/check-links", "/new/demo", "/jobs/999999", "/nothing-here"];

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
