// New job with script: form, upload and path picker keep their input whatever fails.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type Page } from "@playwright/test";
import { expect, startJob, state, test, waitUntilLive } from "./support/milepost.ts";

async function open(page: Page, path: string) {
  await page.goto(path);
  await waitUntilLive(page);
}

const start = (page: Page) => page.getByRole("button", { name: "Start job" });

test("new job form: a chosen task starts", async ({ page }) => {
  await open(page, "/new");
  await page.getByRole("main").getByRole("link", { name: "Demo" }).click();
  await waitUntilLive(page);
  await page.getByLabel("Seconds", { exact: true }).fill("1");
  await start(page).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
});

test("new job form: errors appear next to the fields and input is kept", async ({ page }) => {
  await open(page, "/new/demo");
  const seconds = page.getByLabel("Seconds", { exact: true });
  await seconds.fill("soon");
  await page.getByLabel("Reports per second").fill("7");
  await start(page).click();

  const summary = page.getByRole("alert");
  await expect(summary).toBeFocused();
  await expect(summary).toContainText("Not started: fix 1 field");
  await expect(seconds).toHaveAttribute("aria-invalid", "true");
  await expect(seconds).toHaveAccessibleDescription(/number/);
  await summary.getByRole("link", { name: "Seconds" }).click();
  await expect(seconds).toBeFocused();
  await expect(seconds).toHaveValue("soon");
  await expect(page.getByLabel("Reports per second")).toHaveValue("7");

  await seconds.fill("1");
  await start(page).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
});

test("new job form: input is kept when the request fails", async ({ page }) => {
  await open(page, "/new/demo");
  await page.getByLabel("Seconds", { exact: true }).fill("1");
  await page.route("**/api/start_job", (route) => route.abort());
  await start(page).click();
  await expect(page.getByRole("alert")).toContainText("request failed");
  await page.unroute("**/api/start_job");
  await start(page).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
});

test("new job form: a double click starts one job", async ({ page }) => {
  await open(page, "/new/demo");
  await page.getByLabel("Seconds", { exact: true }).fill("0");
  let calls = 0;
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/api/start_job", async (route) => {
    calls += 1;
    await held;
    await route.continue();
  });
  await start(page).dblclick();
  await expect(start(page)).toHaveAttribute("aria-busy", "true");
  await page.getByLabel("Seconds", { exact: true }).press("Enter");
  release();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  expect(calls).toBe(1);
});

const csv = { name: "orders.csv", mimeType: "text/csv", buffer: Buffer.from("id,price\n1,9.50\n2,3\n") };

test("upload: starts on selection, survives an invalid form and can be replaced", async ({ page }) => {
  await open(page, "/new/import-csv");
  await page.getByLabel("File", { exact: true }).setInputFiles(csv);
  await expect(page.getByText("orders.csv, 20 B, uploaded")).toBeVisible();
  await start(page).click();
  await expect(page.getByRole("alert").first()).toContainText("Table");
  await expect(page.getByText("orders.csv, 20 B, uploaded")).toBeVisible();

  await page.getByLabel("File", { exact: true }).setInputFiles({ ...csv, name: "prices.csv" });
  await expect(page.getByText("prices.csv, 20 B, uploaded")).toBeVisible();
  await page.getByLabel("Table", { exact: true }).fill("prices");
  await start(page).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  await expect(page.locator("main")).toContainText("prices");
});

test("upload: a lost connection is reported and the upload repeated", async ({ page }) => {
  await open(page, "/new/import-csv");
  await page.route("**/uploads?*", (route) => route.abort());
  await page.getByLabel("File", { exact: true }).setInputFiles(csv);
  await expect(page.getByText("The connection was lost")).toBeVisible();
  await page.unroute("**/uploads?*");
  await page.getByRole("button", { name: "Upload again" }).click();
  await expect(page.getByText("orders.csv, 20 B, uploaded")).toBeVisible();
});

/** Holds every upload back until `release`, and counts the starts. */
async function holdUploads(page: Page) {
  const held = { starts: 0, release: () => {} };
  const released = new Promise<void>((resolve) => (held.release = resolve));
  await page.route("**/uploads?*", async (route) => {
    await released;
    await route.continue();
  });
  page.on("request", (request) => (held.starts += Number(request.url().endsWith("/api/start_job"))));
  return held;
}

test("upload: a start before it has arrived waits for it and starts one job", async ({ page }) => {
  await open(page, "/new/import-csv");
  const held = await holdUploads(page);
  await page.getByLabel("File", { exact: true }).setInputFiles(csv);
  await expect(page.getByRole("progressbar", { name: "Uploading" })).toBeVisible();
  const table = page.getByLabel("Table", { exact: true });
  await table.fill("after_upload");
  await start(page).click();
  const waiting = page.getByRole("button", { name: "Starts after the upload" });
  await expect(waiting).toHaveAttribute("aria-busy", "true");
  await expect(start(page)).toHaveCount(0);
  await waiting.click();
  await table.press("Enter");
  await expect(waiting).toBeVisible();
  expect(held.starts).toBe(0);
  held.release();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  expect(held.starts).toBe(1);
  await expect(page.getByRole("main")).toContainText(/Rows loaded\s*2/);
});

test("upload: a file that was chosen before the script arrived is sent", async ({ page }) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/split_enhance.wasm", async (route) => {
    await released;
    await route.continue();
  });
  await page.goto("/new/import-csv");
  await page.getByLabel("File", { exact: true }).setInputFiles(csv);
  await page.getByLabel("Table", { exact: true }).fill("chosen_early");
  release();
  await expect(page.getByText(/, uploaded$/)).toBeVisible();
  await start(page).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  await expect(page.getByRole("main")).toContainText(/Rows loaded\s*2/);
});

test("upload: a failed or cancelled one gives the start button back", async ({ page }) => {
  await open(page, "/new/import-csv");
  let fail = () => {};
  const failed = new Promise<void>((resolve) => (fail = resolve));
  await page.route("**/uploads?*", async (route) => {
    await failed;
    await route.abort();
  });
  const waiting = page.getByRole("button", { name: "Starts after the upload" });
  await page.getByLabel("Table", { exact: true }).fill("given_back");
  await page.getByLabel("File", { exact: true }).setInputFiles(csv);
  await start(page).click();
  await expect(waiting).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("progressbar", { name: "Uploading" })).toBeHidden();
  await expect(start(page)).not.toHaveAttribute("aria-busy");

  await page.getByLabel("File", { exact: true }).setInputFiles({ ...csv, name: "again.csv" });
  await start(page).click();
  await expect(waiting).toBeVisible();
  fail();
  await expect(page.getByText("The connection was lost")).toBeVisible();
  await expect(start(page)).not.toHaveAttribute("aria-busy");

  await page.unroute("**/uploads?*");
  await page.getByRole("button", { name: "Upload again" }).click();
  await expect(page.getByText("again.csv, 20 B, uploaded")).toBeVisible();
  await expect(page).toHaveURL(/\/new\/import-csv$/);
  await start(page).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
});

test("upload: what waits can be continued as a schedule instead", async ({ page }) => {
  await open(page, "/new/import-csv");
  const held = await holdUploads(page);
  await page.getByLabel("File", { exact: true }).setInputFiles(csv);
  await page.getByLabel("Table", { exact: true }).fill("nightly");
  await start(page).click();
  await page.getByRole("button", { name: "Create schedule" }).click();
  await expect(page.getByRole("button", { name: "Continues after the upload" })).toBeVisible();
  await expect(start(page)).not.toHaveAttribute("aria-busy");
  held.release();
  await expect(page).toHaveURL(/\/schedules\/new\?kind=import-csv$/);
  await expect(page.getByText("orders.csv, 20 B, uploaded")).toBeVisible();
  await expect(page.getByLabel("Table", { exact: true })).toHaveValue("nightly");
  expect(held.starts).toBe(0);
});

test("upload: is cancelled halfway and replaced by another file", async ({ page, context }) => {
  await open(page, "/new/import-csv");
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 200_000 };
  await devtools.send("Network.emulateNetworkConditions", slow);
  const large = { ...csv, name: "large.csv", buffer: Buffer.alloc(4_000_000, "1,9.50\n") };
  await page.getByLabel("File", { exact: true }).setInputFiles(large);
  const bar = page.getByRole("progressbar", { name: "Uploading" });
  await expect.poll(async () => Number(await bar.getAttribute("value"))).toBeGreaterThan(0);
  await expect(page.getByText(/^large\.csv, [\d.]+ .?B of 4.0 MB$/)).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(bar).toBeHidden();

  await devtools.send("Network.emulateNetworkConditions", { ...slow, uploadThroughput: -1 });
  await page.getByLabel("File", { exact: true }).setInputFiles(csv);
  await expect(page.getByText("orders.csv, 20 B, uploaded")).toBeVisible();
  await page.getByLabel("Table", { exact: true }).fill("stopped_and_sent");
  await start(page).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  await expect(page.getByRole("main")).toContainText(/Rows loaded\s*2/);
});

test("path picker: opens folders and chooses one by keyboard", async ({ page }) => {
  await open(page, "/new/checksum");
  const folder = page.getByLabel("Folder", { exact: true });
  await folder.focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  const list = page.getByRole("group", { name: "Folders on the server" });
  await expect(list).toBeFocused();
  // The only root is open; to open a folder in it chooses nothing.
  await list.getByRole("button", { name: "archive" }).press("Enter");
  await expect(list.getByRole("button", { name: "poems" })).toBeVisible();
  await expect(list).toBeFocused();
  await expect(folder).toHaveValue("");
  await page.keyboard.press("Escape");
  await expect(list).toBeHidden();
  await expect(folder).toBeFocused();

  await page.getByRole("button", { name: "Browse…" }).press("Enter");
  await list.getByRole("button", { name: "archive" }).press("Enter");
  await list.getByRole("button", { name: "poems" }).press("Enter");
  await list.getByRole("button", { name: /^Choose .*poems$/ }).press("Enter");
  await expect(list).toBeHidden();
  await expect(folder).toBeFocused();
  await expect(folder).toHaveValue(/\/root\/archive\/poems$/);
  await start(page).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
});

test("path picker: chooses a file where the field takes a file", async ({ page, milepost }) => {
  const folder = join(milepost.root, "archive");
  execFileSync("tar", ["-czf", join(folder, "poems.tgz"), "-C", folder, "poems"]);
  await open(page, "/new/unpack");
  const path = page.getByLabel("Or a file on the server");
  await page.getByRole("button", { name: "Browse…" }).click();
  const list = page.getByRole("group", { name: "Files on the server" });
  await expect(list.getByRole("button", { name: "orders.csv" })).toBeVisible();
  await expect(list.getByRole("button", { name: /^Choose/ })).toHaveCount(0);
  await list.getByRole("button", { name: "archive" }).click();
  await list.getByRole("button", { name: "poems.tgz" }).click();
  await expect(list).toBeHidden();
  await expect(path).toHaveValue(/\/archive\/poems\.tgz$/);
  // Again: the folder of the chosen file is shown.
  await page.getByRole("button", { name: "Browse…" }).click();
  await expect(list.getByRole("button", { name: "poems.tgz" })).toBeVisible();
  await start(page).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  await expect(state(page)).toContainText("Succeeded");
});

test("new job form: an earlier job is run again with changes", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0, reports_per_second: 7 });
  await open(page, `/new/demo?from=${job}`);
  await expect(page.getByLabel("Reports per second")).toHaveValue("7");
  await page.getByLabel("Reports per second").fill("9");
  await start(page).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  await expect(page.getByRole("link", { name: `#${job}` }).first()).toBeVisible();
});
