// The page of a job: it moves by itself, it can be stopped, repeated, tried again and removed.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, live, startJob, state, test } from "./milepost.ts";

test("a job moves from the form to its result without a reload", async ({ page, request, milepost }) => {
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

test("progress, log and state come live", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 10 });
  await page.goto(`/jobs/${job}`);
  await live(page);
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

test("cancel shows how long it took, and a second cancel is a clear answer without harm", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 60 });
  await page.goto(`/jobs/${job}`);
  await live(page);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(state(page)).toContainText("Cancelled");
  await expect(page.getByText(/Stopped (at once|after .*\d s)/)).toBeVisible();

  const again = await request.post("/api/cancel_job", { form: { id: String(job) } });
  expect(again.status()).toBe(409);
  expect(await again.json()).toMatchObject({ code: "already_ended" });
});

test("a task that does not answer is shown as not responding, then as cancelled", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 1, stall_seconds: 12 });
  await page.goto(`/jobs/${job}`);
  await live(page);
  await expect(page.getByText("Not responding for 12 s, on purpose")).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(state(page)).toContainText("Cancelling");
  await expect(state(page)).toContainText("Not responding");
  await expect(state(page)).toContainText(/Cancelled|Succeeded/);
});

test("a failed job says why and is retried as a new attempt of the same job", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 1, ending: "panic" });
  await page.goto(`/jobs/${job}`);
  await expect(state(page)).toContainText("Failed");
  await page.reload();
  await live(page);
  await expect(page.getByText("panic").first()).toBeVisible();
  await page.getByRole("button", { name: "Retry" }).click();
  await expect(page.getByText("Attempt 2").first()).toBeVisible();
  await expect(state(page)).toContainText("Failed");
  await expect(page).toHaveURL(new RegExp(`/jobs/${job}`));
});

test("a job that may be tried again counts down, is told to go on, and recovers", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 1, ending: "recover", attempts: 2 });
  await page.goto(`/jobs/${job}`);
  await live(page);
  await expect(state(page)).toContainText(/Retrying attempt 2 of 2 in 0:0[0-3]/);
  await expect(page.getByText("Attempt 1 failed. Retrying automatically.")).toBeVisible();
  await page.getByRole("button", { name: "Retry now" }).click();
  await expect(state(page)).toContainText("Succeeded");
  await expect(page.getByText("Attempt 2").first()).toBeVisible();
});

test("retrying can be stopped", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0, ending: "fail", attempts: 10 });
  await page.goto(`/jobs/${job}`);
  await live(page);
  // The second pause is long enough to read the page.
  await expect(state(page)).toContainText("attempt 3 of 10");
  await page.getByRole("button", { name: "Stop retrying" }).click();
  await expect(state(page)).toContainText("Cancelled");
  await expect(page.getByText("Retry cancelled; the last attempt failed")).toBeVisible();
});

test("run again makes a new job that is linked to the old one", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0 });
  await page.goto(`/jobs/${job}`);
  await expect(state(page)).toContainText("Succeeded");
  await page.reload();
  await live(page);
  await page.getByRole("button", { name: "Run again" }).click();
  await expect(page).not.toHaveURL(new RegExp(`/jobs/${job}$`));
  await expect(page.getByRole("link", { name: `#${job}` }).first()).toBeVisible();
});

test("a job is deleted with its files after a question", async ({ page, request, milepost }) => {
  const job = await startJob(request, "checksum", { folder: milepost.root });
  await page.goto(`/jobs/${job}`);
  await expect(state(page)).toContainText("Succeeded");
  await page.reload();
  await live(page);
  await page.getByRole("link", { name: "Delete" }).click();
  const question = page.getByRole("dialog");
  await expect(question).toContainText(`Delete job #${job}?`);
  await question.getByRole("link", { name: "Cancel" }).click();
  await expect(question).toBeHidden();
  await page.getByRole("link", { name: "Delete" }).click();
  await question.getByRole("button", { name: "Delete job" }).click();
  await expect(page).not.toHaveURL(new RegExp(`/jobs/${job}`));
  expect((await request.get(`/jobs/${job}`)).status()).toBe(404);
  expect((await request.get(`/jobs/${job}/artifacts/SHA256SUMS`)).status()).toBe(404);
});

test("the log follows its end, stops when scrolled up, filters, and links to a line", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 8 });
  await page.goto(`/jobs/${job}`);
  await live(page);
  const log = page.getByRole("log");
  await expect.poll(() => log.locator(".line").count()).toBeGreaterThan(3);
  await expect(state(page)).toContainText("Succeeded");
  const all = await log.locator(".line").count();

  await page.getByLabel("Minimum level").selectOption("warn");
  await expect.poll(() => log.locator(".line").count()).toBeLessThan(all);
  for (const line of await log.locator(".line").all()) {
    expect(["warn", "error"]).toContain(await line.getAttribute("data-level"));
  }
  // A link to a line wins over the filter, on the page that is open and on a fresh one.
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

test("a link to a line of the log shows it on the page that is open, whatever is being typed into the filter", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 5 });
  await page.goto(`/jobs/${job}`);
  await live(page);
  await expect(state(page)).toContainText("Succeeded");
  const log = page.getByRole("log");
  const shown = await log.locator(".line").count();
  const here = (line: number) => page.evaluate((line) => void (location.hash = `#L${line}`), line);
  await here(2);
  await expect(log.locator("#L2:target")).toBeInViewport();
  await here(3);
  await expect(log.locator("#L3:target")).toBeInViewport();

  // The answer to the filter is on its way when the line is asked for.
  let answer = () => {};
  const held = new Promise<void>((go) => (answer = go));
  await page.route("**/jobs/*level=error*", async (route) => {
    await held;
    await route.continue();
  });
  const asked = page.waitForRequest(/level=error/);
  await page.getByLabel("Minimum level").selectOption("error");
  await asked;
  await here(2);
  const answered = page.waitForResponse(/level=error/);
  answer();
  await answered;
  await expect(log.locator("#L2:target")).toBeInViewport();
  await expect(log.locator(".line")).toHaveCount(shown);
});
