#!/usr/bin/env node
// Builds the browser's files (`site`), or them and the program (`program`), and shows which of how many steps is at
// work. The browser's half and the server compile at the same time.
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { chdir, stderr } from "node:process";
import { bindgenArguments, compileArguments, makeSite } from "../frontend/site.mjs";

chdir(new URL("..", import.meta.url).pathname);
process.env.PATH = `${process.cwd()}/frontend/node_modules/.bin:${process.env.PATH}`;

/** One step: what it is called in the progress line, and what it is doing. */
class Step {
  /** @type {"waiting" | "running" | "done"} */
  state = "waiting";
  detail = "";

  /** @param {(step: Step) => Promise<void>} work */
  constructor(/** @type {string} */ name, work) {
    this.name = name;
    this.work = work;
  }

  async run() {
    const begin = performance.now();
    this.state = "running";
    await this.work(this);
    this.state = "done";
    say(`${this.name}: ${clock(performance.now() - begin)}`);
  }

  /** Runs a program. Its output is shown only if it fails; that of cargo also says how far it is, that of tools what it installs. */
  exec(/** @type {string} */ command, /** @type {string[]} */ ...args) {
    const environment = { CARGO_TERM_COLOR: "always", CARGO_TERM_PROGRESS_WHEN: "always", CARGO_TERM_PROGRESS_WIDTH: "160" };
    const child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
    children.add(child);
    let output = "";
    const read = (chunk) => {
      for (const line of String(chunk).split(/[\r\n]+/)) {
        const plain = line.replace(/\x1b\[[0-9;]*[A-Za-z]/g, "").trim();
        const progress = /^Building \[.*\] +(\d+\/\d+)(?:: ([\w-]+))?/.exec(plain);
        if (progress) this.detail = progress.slice(1).filter(Boolean).join(" ");
        else if (plain.startsWith("tools: ")) say(plain.replace("tools: ", ""));
        else if (plain && !/^(Updating|Fetch|Download\w+|Locking|Compiling|Blocking|Finished)\b|^\[[=> ]+\]/.test(plain)) output += `${line}\n`;
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    return new Promise((resolve, reject) => {
      child.on("error", (error) => reject(new Error(`${command}: ${error.message}`)));
      child.on("close", (code) => (children.delete(child), code === 0 ? resolve() : reject(new Error(`${output}${command} ${args.join(" ")} failed`))));
    });
  }
}

/** @type {Set<import("node:child_process").ChildProcess>} */
const children = new Set();
const start = performance.now();
const clock = (milliseconds) => {
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};

/** A line that stays. */
function say(text) {
  stderr.write(`${stderr.isTTY ? "\r\x1b[K" : ""}build: ${text}\n`);
}

/** The line that changes: `build: 2 of 4 steps, 3:05 · server 212/380 leptos`. */
function line(steps) {
  const running = steps.filter((step) => step.state === "running").map((step) => `${step.name} ${step.detail}`.trim());
  const done = steps.filter((step) => step.state === "done").length;
  return [`${done} of ${steps.length} steps done, ${clock(performance.now() - start)}`, ...running].join(" · ");
}

const metadata = JSON.parse(
  execFileSync("cargo", ["metadata", "--no-deps", "--format-version", "1"], { encoding: "utf8", maxBuffer: 1e8 }),
).metadata.leptos[0];
const cargo = (step, ...args) => step.exec("cargo", ...args, "--locked");
// The server takes longer: while both compile, the browser's half yields to it, so that no core is idle at the end.
const yielding = (step, ...args) => step.exec("nice", "-n", "10", "cargo", ...args, "--locked");
const programArguments = ["build", "--release", "--package", metadata["bin-package"]];

const browser = [
  new Step("tools", (step) => step.exec(".ci/tools")),
  new Step("browser", (step) => yielding(step, ...compileArguments(metadata))),
];
const bindgen = new Step("wasm-bindgen", (step) => yielding(step, ...bindgenArguments));
const site = new Step("site", (step) => makeSite(metadata, step.exec.bind(step), (what) => (step.detail = what)));
// The program embeds the site. Until there is one, the library of the server and everything else compile beside the
// browser's half; an error of them shows again in the last step.
const library = new Step("server", (step) => cargo(step, ...programArguments, "--keep-going").catch(() => {}));
const program = new Step("program", (step) => cargo(step, ...programArguments));

const whole = process.argv[2] === "program";
const wasm = join(metadata["site-root"], metadata["site-pkg-dir"], `${metadata["output-name"]}.wasm`);
// wasm-bindgen comes after the server, beside the browser's last crate, which leaves a core idle.
const besides = [...(whole && !existsSync(wasm) ? [library] : []), bindgen];
const afterwards = [site, ...(whole ? [program] : [])];
const steps = [...browser, ...besides, ...afterwards];
const inOrder = async (some) => {
  for (const step of some) await step.run();
};

const show = stderr.isTTY
  ? setInterval(() => stderr.write(`\r\x1b[K${`build: ${line(steps)}`.slice(0, (stderr.columns ?? 80) - 1)}`), 200)
  : setInterval(() => say(line(steps)), 30_000);
try {
  await Promise.all([inOrder(browser), inOrder(besides)]);
  await inOrder(afterwards);
  say(`done in ${clock(performance.now() - start)}`);
} catch (error) {
  for (const child of children) child.kill();
  say(`failed\n${error.message}`);
  process.exitCode = 1;
} finally {
  clearInterval(show);
}
process.exit();
