import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";
import type { ServerOptions } from "./tests/support/milepost.ts";

// A system Chromium where there is one (CHROMIUM_BIN names another), else the one Playwright brings.
const chromium = process.env.CHROMIUM_BIN ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
const root = process.getuid?.() === 0;

// Flows that also run on a server with accounts. Long ones wait for jobs: they run once as operator with script and once
// as administrator without. Short ones run as both.
const long = ["job-page", "pause-resume", "new-job"];
const short = ["job-list", "job-list-paging"];
const flows = (...names: string[]) => names.map((name) => `**/${name}.spec.ts`);

export default defineConfig<object, ServerOptions>({
  testDir: "tests",
  fullyParallel: true,
  // They wait for jobs and clocks half of the time: three keep two cores busy.
  workers: 3,
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  // Generous, for a busy machine: they end hanging tests and do not measure speed.
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    viewport: { width: 1280, height: 900 },
    launchOptions: {
      executablePath: chromium,
      args: [...(root ? ["--no-sandbox"] : []), "--disable-background-networking"],
    },
    // `TRACE=1` records the traces of tests that fail, which takes a sixth of the processor; a film strip would take half.
    trace: process.env.TRACE ? { mode: "retain-on-failure", screenshots: false } : "off",
  },
  projects: [
    { name: "script", testIgnore: /noscript/ },
    { name: "noscript", testMatch: /noscript/, use: { javaScriptEnabled: false } },
    { name: "operator", testMatch: flows(...long, ...short), use: { role: "operator" } },
    { name: "administrator", testMatch: flows("queues", ...short), use: { role: "administrator" } },
    {
      name: "operator noscript",
      testMatch: flows("new-job.noscript"),
      use: { role: "operator", javaScriptEnabled: false },
    },
    {
      name: "administrator noscript",
      testMatch: flows("jobs.noscript", "new-job.noscript"),
      use: { role: "administrator", javaScriptEnabled: false },
    },
    // For `.ci/watch`, since it compiles.
    ...(process.env.WATCH ? [{ name: "watch", testMatch: /\.watch\.ts$/, workers: 1, use: { trace: "off" as const } }] : []),
    // For `make screenshots`.
    ...(process.env.SCREENSHOTS ? [{ name: "screenshots", testMatch: /\.screenshots\.ts$/, timeout: 600_000, use: { trace: "off" as const } }] : []),
    // For `make bench`; measurements need an idle machine.
    ...(process.env.BENCH ? [{ name: "bench", testMatch: /\.bench\.ts$/, workers: 1, timeout: 180_000, use: { trace: "off" as const } }] : []),
  ],
});
