// Progress over time: the curve of a finished job, comparison with another run, and the time left of a running job.
import { expect, Milepost, startJob, state, test, waitUntilLive } from "./support/milepost.ts";

test("progress over time: a finished job shows its curve and compares two runs", async ({ page, request }) => {
  const first = await startJob(request, "demo", { seconds: 3 });
  const second = await startJob(request, "demo", { seconds: 5 });
  for (const job of [first, second]) {
    await page.goto(`/jobs/${job}`);
    await expect(state(page)).toContainText("Succeeded");
  }
  await page.reload();
  const course = page.getByRole("region", { name: "Progress over time" });
  const plot = course.getByRole("img");
  await expect(plot).toHaveAccessibleName(/Completed after \d/);
  await expect(plot.locator("polyline.course")).toHaveCount(1);
  await expect(plot.locator("polyline.beside")).toHaveCount(0);

  await course.getByLabel("Another run of this task").selectOption(String(first));
  await course.getByRole("button", { name: "Compare" }).click();
  await expect(page).toHaveURL(new RegExp(`/jobs/${second}\\?with=${first}`));
  await expect(plot).toHaveAccessibleName(new RegExp(`#${first} reached half after`));
  const dashes = (line: string) => plot.locator(line).evaluate((element) => getComputedStyle(element).strokeDasharray);
  expect(await dashes("polyline.course")).toBe("none");
  expect(await dashes("polyline.beside"), "they differ without colour").not.toBe("none");
  await expect(page.getByRole("columnheader", { name: `Time of #${first}` })).toBeVisible();

  await course.getByRole("link", { name: "Clear" }).click();
  await expect(plot.locator("polyline.beside")).toHaveCount(0);
});

test("time left: a running job shows a range after no estimate", async ({ browser }) => {
  // A server of its own: runs of other tests would be the history of the kind.
  const milepost = await new Milepost().start();
  const context = await browser.newContext({ baseURL: milepost.url });
  try {
    const page = await context.newPage();
    const job = await startJob(context.request, "demo", { seconds: 20 });
    await page.goto(`/jobs/${job}`);
    await waitUntilLive(page);
    const left = page.locator(".headline .left b");
    await expect(left).toHaveText("No estimate yet");
    await expect(left).toHaveText(/^(\d+–\d+|up to \d+) s left$/, { timeout: 12_000 });
    await expect(state(page)).toContainText("Succeeded", { timeout: 30_000 });
    await expect(left).toContainText("Took 2");
  } finally {
    await context.close();
    await milepost.remove();
  }
});
