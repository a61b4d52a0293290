// Job page: live progress and log, cancel, retry, run again and delete.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, startJob, state, test, waitUntilLive } from "./support/milepost.ts";

test("job page: a succeeded job offers its artifact for download", async ({ page, request, milepost }) => {
  const job = await startJob(request, "checksum", { folder: milepost.root });
  await page.goto(`/jobs/${job}`);
  await expect(state(page)).toContainText("Succeeded");
  await page.reload();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Checksum");

  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: /SHA256SUMS/ }).first().click()]);
  expect(download.suggestedFilename()).toBe("SHA256SUMS");
  const manifest = readFileSync(await download.path(), "utf8");
  const [line] = manifest.split("\n");
  const [digest, name] = [line?.slice(0, 64), line?.slice(66)];
  expect(createHash("sha256").update(readFileSync(join(milepost.root, name ?? ""))).digest("hex")).toBe(digest);
});

test("job page: progress, log and state update live", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 10 });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  let reloads = 0;
  page.on("framenavigated", () => (reloads += 1));

  const bar = page.locator("main .milebar.hero progress");
  const value = async () => Number(await bar.getAttribute("value"));
  await expect.poll(value).toBeGreaterThan(0);
  const early = await value();
  expect(early).toBeLessThan(100);
  await expect.poll(value).toBeGreaterThan(early + 5);

  const lines = page.locator(".log .line");
  const before = await lines.count();
  await expect(state(page)).toContainText("Succeeded");
  expect(await lines.count()).toBeGreaterThan(before);
  await expect.poll(value).toBe(100);
  await expect(page.getByRole("button", { name: "Run again" })).toBeVisible();
  expect(reloads).toBe(0);
});

test("job page: cancel button ends a running job; a second cancel is refused", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 60 });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(state(page)).toContainText("Cancelled");
  await expect(page.getByText(/Stopped (at once|after .*\d s)/)).toBeVisible();

  const again = await request.post("/api/cancel_job", { form: { id: String(job) } });
  expect(again.status()).toBe(409);
  expect(await again.json()).toMatchObject({ code: "already_ended" });
});

test("job page: a blocked task is shown as not responding, then as cancelled", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 1, stall_seconds: 12 });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  await expect(page.getByText("Not responding for 12 s, on purpose")).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(state(page)).toContainText("Cancelling");
  await expect(state(page)).toContainText("Not responding");
  await expect(state(page)).toContainText(/Cancelled|Succeeded/);
});

test("job page: a failed job shows the reason and is retried as a new attempt", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 1, ending: "panic" });
  await page.goto(`/jobs/${job}`);
  await expect(state(page)).toContainText("Failed");
  await page.reload();
  await waitUntilLive(page);
  await expect(page.getByText("panic").first()).toBeVisible();
  await page.getByRole("button", { name: "Retry" }).click();
  await expect(page.getByText("Attempt 2").first()).toBeVisible();
  await expect(state(page)).toContainText("Failed");
  await expect(page).toHaveURL(new RegExp(`/jobs/${job}`));
});

test("job page: automatic retry counts down and Retry now starts it", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0, ending: "fail", attempts: 3 });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  // The second pause, of ten seconds, is long enough for the test to click; a changed button ignores clicks at first.
  await expect(state(page)).toContainText(/Retrying attempt 3 of 3 in 0:(10|0\d)/);
  await expect(page.getByText("Attempt 2 failed. Retrying automatically.")).toBeVisible();
  await page.getByRole("button", { name: "Retry now" }).click();
  await expect(state(page)).toContainText("Failed", { timeout: 5_000 });
  await expect(page.getByText("Attempt 3").first()).toBeVisible();
});

test("job page: Stop retrying cancels the next attempt", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0, ending: "fail", attempts: 10 });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  // The second pause is long enough for the test to click.
  await expect(state(page)).toContainText("attempt 3 of 10");
  await page.getByRole("button", { name: "Stop retrying" }).click();
  await expect(state(page)).toContainText("Cancelled");
  await expect(page.getByText("Retry cancelled; the last attempt failed")).toBeVisible();
});

test("job page: Run again starts a new job linked to the old one", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0 });
  await page.goto(`/jobs/${job}`);
  await expect(state(page)).toContainText("Succeeded");
  await page.reload();
  await waitUntilLive(page);
  await page.getByRole("button", { name: "Run again" }).click();
  await expect(page).not.toHaveURL(new RegExp(`/jobs/${job}$`));
  await expect(page.getByRole("link", { name: `#${job}` }).first()).toBeVisible();
});

test("job page: Delete removes the job and its files after a confirmation", async ({ page, request, milepost }) => {
  const job = await startJob(request, "checksum", { folder: milepost.root });
  await page.goto(`/jobs/${job}`);
  await expect(state(page)).toContainText("Succeeded");
  await page.reload();
  await waitUntilLive(page);
  await page.getByRole("link", { name: "Delete" }).click();
  const confirmation = page.getByRole("dialog");
  await expect(confirmation).toContainText(`Delete job #${job}?`);
  await confirmation.getByRole("link", { name: "Cancel" }).click();
  await expect(confirmation).toBeHidden();
  await page.getByRole("link", { name: "Delete" }).click();
  await confirmation.getByRole("button", { name: "Delete job" }).click();
  await expect(page).not.toHaveURL(new RegExp(`/jobs/${job}`));
  expect((await request.get(`/jobs/${job}`)).status()).toBe(404);
  expect((await request.get(`/jobs/${job}/artifacts/SHA256SUMS`)).status()).toBe(404);
});

test("job log: filters by level, links to a line and downloads as text", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 8 });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  const log = page.getByRole("log");
  await expect.poll(() => log.locator(".line").count()).toBeGreaterThan(3);
  await expect(state(page)).toContainText("Succeeded");
  const all = await log.locator(".line").count();

  await page.getByLabel("Minimum level").selectOption("warn");
  await expect.poll(() => log.locator(".line").count()).toBeLessThan(all);
  for (const line of await log.locator(".line").all()) {
    expect(["warn", "error"]).toContain(await line.getAttribute("data-level"));
  }
  // A link to a line removes the filter, on the open page and on a new one.
  await page.goto(`/jobs/${job}#L2`);
  await expect(log.locator("#L2")).toBeInViewport();
  await expect(page.getByLabel("Minimum level")).toHaveValue("");
  await page.goto("about:blank");
  await page.goto(`/jobs/${job}#L2`);
  await expect(log.locator("#L2")).toBeInViewport();

  const raw = await request.get(`/jobs/${job}/log`);
  expect(raw.headers()["content-type"]).toContain("text/plain");
  expect((await raw.text()).trim().split("\n")).toHaveLength(all);
});

test("job log: a link to a line wins over a filter that is being applied", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 5 });
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  await expect(state(page)).toContainText("Succeeded");
  const log = page.getByRole("log");
  const shown = await log.locator(".line").count();
  const goToLine = (line: number) => page.evaluate((line) => void (location.hash = `#L${line}`), line);
  await goToLine(2);
  await expect(log.locator("#L2:target")).toBeInViewport();
  await goToLine(3);
  await expect(log.locator("#L3:target")).toBeInViewport();

  // The response to the filter arrives after the line is requested.
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/jobs/*level=error*", async (route) => {
    await held;
    await route.continue();
  });
  const requested = page.waitForRequest(/level=error/);
  await page.getByLabel("Minimum level").selectOption("error");
  await requested;
  await goToLine(2);
  const responded = page.waitForResponse(/level=error/);
  release();
  await responded;
  await expect(log.locator("#L2:target")).toBeInViewport();
  await expect(log.locator(".line")).toHaveCount(shown);
});
