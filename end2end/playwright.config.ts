import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

// A system Chromium where there is one (CHROMIUM_BIN names another), else the one Playwright brings.
const chromium = process.env.CHROMIUM_BIN ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
const root = process.getuid?.() === 0;

export default defineConfig({
  testDir: "tests",
  fullyParallel: true,
  workers: 2,
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  timeout: 30_000,
  expect: { timeout: 8_000 },
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    viewport: { width: 1280, height: 900 },
    launchOptions: {
      executablePath: chromium,
      args: [...(root ? ["--no-sandbox"] : []), "--disable-background-networking"],
    },
    trace: "retain-on-failure",
  },
  projects: [
    { name: "script", testIgnore: /noscript/ },
    { name: "noscript", testMatch: /noscript/, use: { javaScriptEnabled: false } },
    // `make bench` asks for this one; a figure means nothing beside other tests.
    ...(process.env.BENCH ? [{ name: "bench", testMatch: /\.bench\.ts$/, workers: 1, timeout: 180_000 }] : []),
  ],
});
