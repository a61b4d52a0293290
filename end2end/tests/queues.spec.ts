// Queues page: pausing and limiting queues.
import { expect, startJob, state, test, waitUntilLive } from "./support/milepost.ts";

// A server of its own, since a paused queue would block other tests.
test.use({ flags: [] });

test("queues: a paused queue holds its jobs, says so on their pages, and resumes", async ({ page, context, request }) => {
  await page.goto("/queues");
  await waitUntilLive(page);
  const queue = page.getByRole("region", { name: "default" });
  await queue.getByRole("button", { name: "Pause the queue default" }).click();
  await expect(queue.getByText("Paused", { exact: true })).toBeVisible();
  const job = await startJob(request, "demo", { seconds: 0 });
  await expect(queue.getByText("Queue paused")).toBeVisible();

  const other = await context.newPage();
  await other.goto(`/jobs/${job}`);
  await waitUntilLive(other);
  await expect(other.getByRole("heading", { name: "Queue “default” is paused" })).toBeVisible();
  await expect(state(other)).toContainText("Queued");
  await page.bringToFront();
  await queue.getByRole("button", { name: "Resume the queue default" }).click();
  await expect(queue.getByText("Paused", { exact: true })).toHaveCount(0);
  await expect(state(other)).toContainText("Succeeded");
  await expect(other.getByRole("heading", { name: "Queue “default” is paused" })).toHaveCount(0);
});

test("queues: an invalid limit is refused and kept while the page updates", async ({ page, request }) => {
  await page.goto("/queues");
  await waitUntilLive(page);
  const limit = page.getByLabel("Limit of the queue disk");
  await limit.fill("2.5");
  await limit.evaluate((input) => input.closest("form")?.setAttribute("novalidate", ""));
  await limit.press("Enter");
  await expect(page.getByRole("alert")).toContainText("Enter a whole number from 1 to 10,000, or leave the limit empty. “2.5” is neither.");
  // Another user starts a job: the rows update and the input is kept.
  await startJob(request, "demo", { seconds: 20 });
  await expect(page.getByRole("region", { name: "default" }).getByText("1 running")).toBeVisible();
  await expect(limit).toHaveValue("2.5");
  await expect(limit).toBeFocused();
  await limit.fill("2");
  await limit.press("Enter");
  await expect(page.getByRole("alert")).toBeHidden();
  await page.reload();
  await expect(limit).toHaveValue("2");
});
