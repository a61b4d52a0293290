// Live reload by `cargo leptos watch`: a changed style and a changed view reach the open page, and a running job with its
// open stream does not delay the restart. Changes two source files and restores them. Takes minutes, since it compiles:
// `.ci/watch` runs it, `make test` does not.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { printRow } from "./support/statistics.ts";
import { startJob, state, waitUntilLive } from "./support/milepost.ts";

const project = resolve(import.meta.dirname, "../..");
const styles = join(project, "style/chart.css");
const view = join(project, "app/src/pages/job/text.rs");

const runs = 3;
/** Limit from the end of a build until the page shows the change, milliseconds. */
const limit = 5_000;
const building = 900_000;

/** A `cargo leptos watch` on other ports than the default ones. */
class Watch {
  readonly url = "http://127.0.0.1:3010";
  private readonly data = mkdtempSync(join(tmpdir(), "milepost-watch-"));
  private readonly child: ChildProcess;
  private readonly lines: { text: string; at: number }[] = [];
  private wake = () => {};

  constructor() {
    const env = {
      ...process.env,
      LEPTOS_SITE_ADDR: "127.0.0.1:3010",
      LEPTOS_RELOAD_PORT: "3011",
      MILEPOST_DATA_DIR: this.data,
      MILEPOST_NO_AUTH: "true",
    };
    this.child = spawn("cargo", ["leptos", "watch", "--split"], { cwd: project, env, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout?.on("data", (chunk) => this.append(String(chunk)));
    this.child.stderr?.on("data", (chunk) => this.append(String(chunk)));
    this.child.once("exit", (code) => this.append(`watch ended with ${code}\n`));
    setInterval(() => this.wake(), 100).unref(); // checks the timeout
  }

  private append(chunk: string) {
    const plain = chunk.replace(/\x1b\[[0-9;]*m/g, "").replace(/ +/g, " ");
    this.lines.push(...plain.split("\n").map((text) => ({ text, at: Date.now() })));
    this.wake();
  }

  /** Number of output lines so far. */
  get position() {
    return this.lines.length;
  }

  /** Waits for a line after position `mark` and returns its time. Fails if the build fails or after `timeout` milliseconds. */
  async waitForLine(wanted: RegExp, mark = 0, timeout = building): Promise<number> {
    for (const end = Date.now() + timeout; ; ) {
      const since = this.lines.slice(mark);
      const found = since.find((line) => wanted.test(line.text));
      if (found) return found.at;
      if (since.some((line) => /Build failed|watch ended/.test(line.text))) throw new Error(since.map((line) => line.text).join("\n"));
      if (Date.now() > end) throw new Error(`no line: ${wanted}`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  async end() {
    if (this.child.exitCode === null) {
      const exit = once(this.child, "exit");
      this.child.kill("SIGINT");
      await exit;
    }
    rmSync(this.data, { recursive: true, force: true });
  }
}

test.setTimeout(building);

test("live reload: changed style and view reach the open page within 5 s of the build", async ({ page, playwright }) => {
  const watch = new Watch();
  const before = new Map([styles, view].map((file) => [file, readFileSync(file, "utf8")]));
  const restore = () => before.forEach((text, file) => writeFileSync(file, text));
  // Restores the sources however the run ends.
  process.once("exit", restore);
  process.once("SIGTERM", () => process.exit(1));
  try {
    await watch.waitForLine(/listening on/);
    const request = await playwright.request.newContext({ baseURL: watch.url });
    const job = await startJob(request, "demo", { seconds: 3_600 });
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    const response = await page.goto(`${watch.url}/jobs/${job}`);
    expect(response?.headers()["content-security-policy"]).toContain("ws://127.0.0.1:3011");
    const sizes = await measure(page);
    await expect(state(page)).toContainText("Running");
    expect(errors, "the page hydrates without an error").toEqual([]);

    const style = [];
    for (let run = 0; run < runs; run += 1) {
      const mark = watch.position;
      let built = NaN;
      // cargo-leptos does not report when it starts watching; a change before that is lost.
      await expect(async () => {
        writeFileSync(styles, `${before.get(styles)}\n@layer base { :root { --seen: ${run + 1}; --tried: ${Date.now()}; } }\n`);
        built = await watch.waitForLine(/Watch updated style/, mark, 3_000);
      }).toPass();
      await page.waitForFunction((run) => getComputedStyle(document.documentElement).getPropertyValue("--seen") === `${run}`, run + 1);
      style.push(Date.now() - built);
    }
    const [builds, stops, shown, lives]: [number[], number[], number[], number[]] = [[], [], [], []];
    for (let run = 0; run < runs; run += 1) {
      const mark = watch.position;
      const start = Date.now();
      const changed = before.get(view)!.replace('"Jobs"', `"Jobs, change ${run + 1}"`);
      expect(changed, "the word is in the file").not.toBe(before.get(view));
      writeFileSync(view, changed);
      const built = await watch.waitForLine(/Server restarting/, mark);
      builds.push((built - start) / 1_000);
      await page.getByRole("link", { name: `Jobs, change ${run + 1}` }).waitFor();
      shown.push(Date.now() - built);
      await waitUntilLive(page);
      lives.push(Date.now() - built);
      stops.push((await watch.waitForLine(/Serving at/, mark)) - built);
    }
    printRow("change of a style: on the page after its build", style, "ms");
    printRow("change of a view: build, debug", builds, "s");
    printRow("change of a view: old server gone after the build, with a running job and its open stream", stops, "ms");
    printRow("change of a view: on the page after its build", shown, "ms");
    printRow("change of a view: page live again after its build", lives, "ms");
    printRow("debug page: wasm, uncompressed", [sizes.wasm / 1e6], "MB");
    printRow("debug page: from the click until live", [sizes.live], "ms");
    expect(Math.max(...style, ...lives)).toBeLessThan(limit);
    await request.dispose();
  } finally {
    restore();
    await watch.end();
  }
});

/** Size of the wasm that the page fetched, bytes, and time until it was live, milliseconds. */
async function measure(page: Page) {
  await waitUntilLive(page);
  return page.evaluate(() => {
    const entries = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    const wasm = entries.find((entry) => entry.name.endsWith(".wasm"));
    return { wasm: wasm?.encodedBodySize ?? NaN, live: performance.now() };
  });
}
