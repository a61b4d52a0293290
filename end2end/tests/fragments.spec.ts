// Fragments: parts of a page that are fetched again. What the reader does there stays, and the server is asked seldom.
import type { Page, Route } from "@playwright/test";
import { expect, Milepost, startJob, state, test, waitUntilLive } from "./support/milepost.ts";
import { setVisible } from "./support/streams.ts";

// A server of its own: other tests would change the same pages.
test.use({ flags: [] });

/** Counts the requests by which a page refreshes its fragments. */
function countRefreshes(page: Page) {
  const counter = { requests: 0 };
  page.on("request", (request) => {
    if (request.resourceType() === "fetch" && request.url() === page.url()) counter.requests += 1;
  });
  return counter;
}

test("fragments: the first job turns an empty overview into a live one", async ({ browser }) => {
  const milepost = await new Milepost().start();
  const context = await browser.newContext({ baseURL: milepost.url });
  try {
    const page = await context.newPage();
    await page.goto("/");
    await waitUntilLive(page);
    await expect(page.getByRole("heading", { name: "Nothing has run yet" })).toBeVisible();
    const job = await startJob(context.request, "demo", { seconds: 600 });
    const running = page.getByRole("region", { name: "Running now" });
    const steps = running.getByText(/\d steps/);
    await expect(steps).toBeVisible();
    const before = (await steps.textContent()) ?? "";
    await expect(steps, "the row follows the job").not.toHaveText(before);
    await context.request.post("/api/cancel_job", { form: { id: String(job) } });
    await expect(running.getByText("Nothing is running.")).toBeVisible();
    await expect(page.getByText("1 cancelled")).toBeVisible();
  } finally {
    await context.close();
    await milepost.remove();
  }
});

test("fragments: a burst of changes costs few requests, and a hidden page asks for nothing", async ({ page, request }) => {
  await page.goto("/");
  await waitUntilLive(page);
  const counter = countRefreshes(page);
  for (let n = 0; n < 20; n += 1) {
    await startJob(request, "demo", { seconds: 0 });
    await page.waitForTimeout(250);
  }
  await expect(page.getByText("20 runs")).toBeVisible();
  expect(counter.requests).toBeGreaterThan(0);
  expect(counter.requests, "one in three seconds at most").toBeLessThanOrEqual(5);

  await setVisible(page, false);
  counter.requests = 0;
  await startJob(request, "demo", { seconds: 0 });
  await page.waitForTimeout(6_000);
  expect(counter.requests).toBe(0);
  await setVisible(page, true);
  await expect(page.getByText("21 runs")).toBeVisible();
});

test("fragments: focus and selection stay while others change the page", async ({ page, request }) => {
  await page.goto("/queues");
  await waitUntilLive(page);
  const pause = page.getByRole("button", { name: "Pause the queue disk" });
  const limit = page.getByLabel("Limit of the queue default");
  await limit.fill("7");
  await pause.focus();
  const name = page.getByRole("heading", { name: "disk", exact: true });
  await name.evaluate((element) => getSelection()?.selectAllChildren(element));
  await pause.evaluate((button) => Object.assign(button, { same: true }));
  await startJob(request, "demo", { seconds: 20 });
  await expect(page.getByRole("region", { name: "default" }).getByText("1 running")).toBeVisible();
  await request.post("/api/pause_queue", { form: { queue: "default" } });
  await expect(page.getByRole("region", { name: "default" }).getByText("Paused", { exact: true })).toBeVisible();
  await expect(pause).toBeFocused();
  expect(await pause.evaluate((button) => "same" in button), "the button was not replaced").toBe(true);
  expect(await page.evaluate(() => getSelection()?.toString())).toBe("disk");
  await expect(limit, "what was typed").toHaveValue("7");
  await request.post("/api/resume_queue", { form: { queue: "default" } });
});

test("fragments: an attempt that the reader closed stays closed, and the newest is open", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0, ending: "fail" });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  await expect(state(page)).toContainText("Failed");
  await page.locator("#attempt-1 summary").click();
  await expect(page.locator("#attempt-1")).not.toHaveAttribute("open");
  await request.post("/api/retry_job", { form: { id: String(job) } });
  await expect(page.locator("#attempt-2")).toHaveAttribute("open", "");
  await expect(page.locator("#attempt-1")).not.toHaveAttribute("open");
});

test("fragments: the curve of a running job grows", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 60 });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  const curve = page.getByRole("region", { name: "Progress over time" }).locator("polyline.course");
  await expect(curve).toBeAttached({ timeout: 40_000 });
  const points = async () => (await curve.getAttribute("points"))?.split(" ").length ?? 0;
  const before = await points();
  await expect.poll(points, { timeout: 40_000 }).toBeGreaterThan(before);
});

test("fragments: a page that another build or another reader got changes nothing", async ({ page, request }) => {
  await page.goto("/queues");
  await waitUntilLive(page);
  const row = page.getByRole("region", { name: "disk" });
  for (const name of ["data-build", "data-who"]) {
    const other = async (route: Route) => {
      if (route.request().resourceType() !== "fetch") return route.continue();
      const response = await route.fetch();
      return route.fulfill({ response, body: (await response.text()).replace("<html", `<html ${name}="other"`) });
    };
    await page.route(page.url(), other);
    const refreshed = page.waitForResponse((response) => response.request().resourceType() === "fetch" && response.url() === page.url());
    await request.post("/api/pause_queue", { form: { queue: "disk" } });
    await refreshed;
    await page.waitForTimeout(1_000);
    await expect(row.getByText("Paused", { exact: true })).toHaveCount(0);
    await page.unroute(page.url(), other);
    await request.post("/api/resume_queue", { form: { queue: "disk" } });
    await page.reload();
    await waitUntilLive(page);
  }
  await request.post("/api/pause_queue", { form: { queue: "disk" } });
  await expect(row.getByText("Paused", { exact: true }), "a copy of its own is shown").toBeVisible();
  await request.post("/api/resume_queue", { form: { queue: "disk" } });
});
