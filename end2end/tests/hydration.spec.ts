// Hydration: every page is taken over by the browser as the server drew it, without a warning.
import { expect, startJob, test, waitUntilLive } from "./support/milepost.ts";

test("every page hydrates without warnings", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 60 });
  await startJob(request, "demo", { seconds: 60 });
  const logged: string[] = [];
  page.on("console", (message) => {
    if (["warning", "error"].includes(message.type())) logged.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => logged.push(`${page.url()}: ${error}`));
  for (const path of ["/", "/jobs", `/jobs/${job}`, "/queues", "/schedules", "/schedules/new", "/messages", "/new", "/new/demo", "/new/checksum", "/nowhere"]) {
    await page.goto(path);
    await waitUntilLive(page);
    await page.waitForTimeout(1_500); // the clock has moved, and every part was fetched
  }
  expect(logged.filter((line) => !line.includes("404"))).toEqual([]);
});

test("progress card: shows what changed before its code arrived", async ({ page, request }) => {
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
