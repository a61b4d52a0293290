// Pause and resume: a job keeps its progress and continues from its checkpoint.
import { expect, startJob, state, test, waitUntilLive } from "./support/milepost.ts";

test("pause: a paused job keeps its progress, resumes from it and succeeds", async ({ page, request }) => {
  // The job blocks halfway and makes no checkpoint during that time.
  const job = await startJob(request, "demo", { seconds: 10, stall_seconds: 6 });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  const bar = page.locator("main .milebar.hero");
  const value = async () => Number((await bar.locator("progress").getAttribute("value")) ?? "0");
  await expect(page.getByText("Not responding for 6 s, on purpose")).toBeVisible();

  await page.getByRole("button", { name: "Pause" }).click();
  await expect(state(page)).toContainText("Pausing");
  await expect(state(page)).toContainText("at the next checkpoint");
  await expect(state(page)).toContainText("Paused");
  await expect(page.getByRole("button", { name: "Resume" })).toBeVisible();
  await expect(bar).toHaveAttribute("data-state", "paused");
  await expect(page.locator("main .headline .stage")).toContainText("Paused in stage 2 of 3");
  const stopped = await value();
  expect(stopped).toBeGreaterThanOrEqual(50);
  expect(stopped).toBeLessThan(80);

  // The list and a new page show the same.
  await page.goto("/jobs");
  const row = page.locator("tbody tr", { has: page.getByText(`#${job} `) });
  await expect(row.locator(".state")).toContainText("Paused");
  expect(Number(await row.locator(".milebar progress").getAttribute("value"))).toBe(stopped);
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  expect(await value()).toBe(stopped);

  // Records every value of the bar from now on.
  await bar.locator("progress").evaluate((progress) => {
    const values = [Number(progress.getAttribute("value") ?? "0")];
    Object.assign(window, { values });
    new MutationObserver(() => values.push(Number(progress.getAttribute("value") ?? "0"))).observe(progress, { attributes: true });
  });
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(state(page)).toContainText("Running");
  await expect(state(page)).toContainText("Succeeded");
  const values = await page.evaluate(() => (window as unknown as { values: number[] }).values);
  // Only work after the checkpoint is repeated: little, since pausing makes a checkpoint.
  expect(Math.min(...values)).toBeGreaterThan(stopped - 6);
  expect(values.at(-1)).toBe(100);
  await expect(page.getByText("continues after").first()).toBeVisible();
});
