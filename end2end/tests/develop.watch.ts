// What a developer sees who leaves `cargo leptos watch` running: a change of a style and of a view reach the open page,
// and a running job with its open stream does not hold the restart up. Changes two source files and puts them back.
// Takes minutes, for it compiles: `.ci/watch` runs it, `make test` does not.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { row } from "./figures.ts";
import { live, startJob, state } from "./milepost.ts";

const project = resolve(import.meta.dirname, "../..");
const styles = join(project, "style/chart.css");
const view = join(project, "app/src/pages/job/header.rs");

const runs = 3;
/** From the end of a build until the page shows it. */
const soon = 5_000;
const building = 900_000;

/** `cargo leptos watch`, beside one that may be running on the usual ports. */
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
    this.child = spawn("cargo", ["leptos", "watch"], { cwd: project, env, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout?.on("data", (chunk) => this.hear(String(chunk)));
    this.child.stderr?.on("data", (chunk) => this.hear(String(chunk)));
    this.child.once("exit", (code) => this.hear(`watch ended with ${code}\n`));
    setInterval(() => this.wake(), 100).unref(); // so that patience ends, too
  }

  private hear(chunk: string) {
    const plain = chunk.replace(/\x1b\[[0-9;]*m/g, "").replace(/ +/g, " ");
    this.lines.push(...plain.split("\n").map((text) => ({ text, at: Date.now() })));
    this.wake();
  }

  /** How much has been said so far. */
  get mark() {
    return this.lines.length;
  }

  /** When it first said such a thing after `mark`. Fails when the build does, or after `patience` milliseconds. */
  async said(wanted: RegExp, mark = 0, patience = building): Promise<number> {
    for (const end = Date.now() + patience; ; ) {
      const since = this.lines.slice(mark);
      const found = since.find((line) => wanted.test(line.text));
      if (found) return found.at;
      if (since.some((line) => /Build failed|watch ended/.test(line.text))) throw new Error(since.map((line) => line.text).join("\n"));
      if (Date.now() > end) throw new Error(`not said: ${wanted}`);
      await new Promise<void>((heard) => (this.wake = heard));
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

test("a change of a style and of a view reach the open page within 5 s of the build", async ({ page, playwright }) => {
  const watch = new Watch();
  const before = new Map([styles, view].map((file) => [file, readFileSync(file, "utf8")]));
  const restore = () => before.forEach((text, file) => writeFileSync(file, text));
  // Whatever ends this run, the sources stay as they were.
  process.once("exit", restore);
  process.once("SIGTERM", () => process.exit(1));
  try {
    await watch.said(/listening on/);
    const request = await playwright.request.newContext({ baseURL: watch.url });
    const job = await startJob(request, "demo", { seconds: 3_600 });
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    const answer = await page.goto(`${watch.url}/jobs/${job}`);
    expect(answer?.headers()["content-security-policy"]).toContain("ws://127.0.0.1:3011");
    const sizes = await visited(page);
    await expect(state(page)).toContainText("Running");
    expect(errors, "the page wakes without an error").toEqual([]);

    const style = [];
    for (let run = 0; run < runs; run += 1) {
      const mark = watch.mark;
      let built = NaN;
      // What is written before cargo-leptos listens to the folder is never seen; it does not say when it does.
      await expect(async () => {
        writeFileSync(styles, `${before.get(styles)}\n@layer base { :root { --seen: ${run + 1}; --tried: ${Date.now()}; } }\n`);
        built = await watch.said(/Watch updated style/, mark, 3_000);
      }).toPass();
      await page.waitForFunction((run) => getComputedStyle(document.documentElement).getPropertyValue("--seen") === `${run}`, run + 1);
      style.push(Date.now() - built);
    }
    const [builds, stops, shown, lives]: [number[], number[], number[], number[]] = [[], [], [], []];
    for (let run = 0; run < runs; run += 1) {
      const mark = watch.mark;
      const begun = Date.now();
      writeFileSync(view, before.get(view)!.replace('"Jobs"', `"Jobs, change ${run + 1}"`));
      const built = await watch.said(/Server restarting/, mark);
      builds.push((built - begun) / 1_000);
      await page.getByRole("link", { name: `Jobs, change ${run + 1}` }).waitFor();
      shown.push(Date.now() - built);
      await live(page);
      lives.push(Date.now() - built);
      stops.push((await watch.said(/Serving at/, mark)) - built);
    }
    row("change of a style: on the page after its build", style, "ms");
    row("change of a view: build, debug", builds, "s");
    row("change of a view: old server gone after the build, with a running job and its open stream", stops, "ms");
    row("change of a view: on the page after its build", shown, "ms");
    row("change of a view: page live again after its build", lives, "ms");
    row("debug page: wasm, uncompressed", [sizes.wasm / 1e6], "MB");
    row("debug page: from the click until live", [sizes.live], "ms");
    expect(Math.max(...style, ...lives)).toBeLessThan(soon);
    await request.dispose();
  } finally {
    restore();
    await watch.end();
  }
});

/** How much program the page fetched, bytes, and how long until it was live, milliseconds. */
async function visited(page: Page) {
  await live(page);
  return page.evaluate(() => {
    const entries = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    const wasm = entries.find((entry) => entry.name.endsWith(".wasm"));
    return { wasm: wasm?.encodedBodySize ?? NaN, live: performance.now() };
  });
}
