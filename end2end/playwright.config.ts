import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";
import type { ServerOptions } from "./tests/support/milepost.ts";

// A system Chromium where there is one (CHROMIUM_BIN names another), else the one Playwright brings.
const chromium = process.env.CHROMIUM_BIN ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
const root = process.getuid?.() === 0;

// What people do with jobs, with accounts as without them. Each flow that waits for jobs to run for a while is gone through
// once more with script and once more without: as an operator, the least role that may, and as an administrator. The short
// ones are gone through as both.
const long = ["job-page", "pause-resume", "new-job"];
const short = ["job-list", "job-list-paging"];
const flows = (...names: string[]) => names.map((name) => `**/${name}.spec.ts`);

export default defineConfig<object, ServerOptions>({
  testDir: "tests",
  fullyParallel: true,
  workers: 2,
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  // Wide, for a busy machine: they end what hangs, they do not judge speed.
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
    // Without a film, which would take half of a small machine.
    trace: { mode: "retain-on-failure", screenshots: false },
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
    // `.ci/watch` asks for this one: it compiles.
    ...(process.env.WATCH ? [{ name: "watch", testMatch: /\.watch\.ts$/, workers: 1, use: { trace: "off" as const } }] : []),
    // `make bench` asks for this one; a figure means nothing beside other tests.
    ...(process.env.BENCH ? [{ name: "bench", testMatch: /\.bench\.ts$/, workers: 1, timeout: 180_000, use: { trace: "off" as const } }] : []),
  ],
});
