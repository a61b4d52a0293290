// What people let pass: queues and kinds, paused and limited, on every page that shows it.
import { expect, live, startJob, state, test } from "./milepost.ts";

// A server of its own: what is paused here must hold up nobody else.
test.use({ flags: [] });

test("a queue is paused, says so wherever its jobs are shown, and goes on", async ({ page, context, request }) => {
  await page.goto("/queues");
  await live(page);
  const queue = page.getByRole("region", { name: "default" });
  await queue.getByRole("button", { name: "Pause the queue default" }).click();
  await expect(queue.getByText("Paused", { exact: true })).toBeVisible();
  const job = await startJob(request, "demo", { seconds: 0 });
  await expect(queue.getByText("Queue paused")).toBeVisible();

  const other = await context.newPage();
  await other.goto(`/jobs/${job}`);
  await live(other);
  await expect(other.getByRole("heading", { name: "Queue “default” is paused" })).toBeVisible();
  await expect(state(other)).toContainText("Queued");
  await page.bringToFront();
  await queue.getByRole("button", { name: "Resume the queue default" }).click();
  await expect(queue.getByText("Paused", { exact: true })).toHaveCount(0);
  await expect(state(other)).toContainText("Succeeded");
  await expect(other.getByRole("heading", { name: "Queue “default” is paused" })).toHaveCount(0);
});

test("a limit that is none is refused and stays as it was typed, while the page moves", async ({ page, request }) => {
  await page.goto("/queues");
  await live(page);
  const limit = page.getByLabel("Limit of the queue disk");
  await limit.fill("2.5");
  await limit.evaluate((input) => input.closest("form")?.setAttribute("novalidate", ""));
  await limit.press("Enter");
  await expect(page.getByRole("alert")).toContainText("Enter a whole number from 1 to 10,000, or leave the limit empty. “2.5” is neither.");
  // Somebody else starts a job: the rows follow, what is typed stays.
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
