#!/usr/bin/env node
// `build CARGO-OPTIONS` compiles the Rust tests. `alone` runs those that measure time, one after the other. `run` runs all
// others, several programs at once: cargo runs one at a time, and most wait for clocks. Shows the output of those that fail,
// and how long each took.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname } from "node:path";
import process, { argv, chdir, env, exit } from "node:process";

chdir(new URL("..", import.meta.url).pathname);
const list = "target/debug/rust-tests.json";
const threads = env.RUST_TEST_THREADS ?? String(availableParallelism());
// With the threads of each: enough to wait for several clocks, few enough that nothing misses one.
const programsAtOnce = 3;
const longestFirst = ["http", "store_sqlite", "promises", "tasks", "stream", "kill_loop", "auth", "commands"];
/**
 * Compare times with limits, which nothing beside them may stretch: programs, and the filter of their tests.
 * @type {Record<string, string>}
 */
const measuring = { blocked: "", http: "attacks::password_guessing" };

/** @typedef {{ name: string, program: string, args: string[], folder: string }} Suite */
/** @typedef {Suite & { code: number | null, output: string, seconds: number, passed: number, failed: number, skipped: number }} Result */

/** Runs a program to its end. Returns its exit code and, unless it is shown, its output. */
function execute(/** @type {string} */ program, /** @type {string[]} */ args, /** @type {import("node:child_process").SpawnOptions} */ options) {
  return new Promise((resolve) => {
    const child = spawn(program, args, options);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("error", (error) => resolve({ code: null, output: `${error.message}\n` }));
    child.on("close", (code, signal) => resolve({ code, output: signal ? `${output}ended by ${signal}\n` : output }));
  });
}

/** Compiles the tests and notes where they are. */
async function build(/** @type {string[]} */ options) {
  const args = ["test", "--no-run", "--quiet", "--message-format=json-render-diagnostics", ...options];
  const { code, output } = await execute("cargo", args, { stdio: ["ignore", "pipe", "inherit"] });
  if (code !== 0) exit(1);
  const suites = output.trim().split("\n").map((line) => JSON.parse(line)).filter((message) => message.executable && message.profile.test);
  const noted = suites.map(({ target, executable, manifest_path }) => ({ name: target.name, program: executable, args: [], folder: dirname(manifest_path) }));
  const documentation = { name: "documentation", program: "cargo", args: ["test", "--quiet", "--doc", ...options], folder: process.cwd() };
  writeFileSync(list, JSON.stringify([...noted, documentation]));
}

/** @returns {Promise<Result>} */
async function runSuite(/** @type {Suite} */ suite) {
  const begin = performance.now();
  const options = { cwd: suite.folder, env: { ...env, CARGO_MANIFEST_DIR: suite.folder, RUST_TEST_THREADS: threads } };
  const { code, output } = await execute(suite.program, suite.args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const summaries = [...output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm)];
  const [passed, failed, skipped] = [1, 2, 3].map((place) => summaries.reduce((sum, summary) => sum + Number(summary[place]), 0));
  return { ...suite, code, output, seconds: (performance.now() - begin) / 1000, passed, failed, skipped };
}

/** Runs the suites that are, or are not, in `measuring`. */
async function run(/** @type {boolean} */ alone) {
  const rank = ({ name }) => (longestFirst.indexOf(name) + longestFirst.length + 1) % (longestFirst.length + 1);
  /** @type {Suite[]} */
  const all = JSON.parse(readFileSync(list, "utf8"));
  const suites = all.flatMap((suite) => {
    const filter = measuring[suite.name];
    if (alone) return filter === undefined ? [] : [{ ...suite, args: filter ? [filter] : [] }];
    return filter === undefined ? [suite] : filter ? [{ ...suite, args: ["--skip", filter] }] : [];
  });
  const waiting = suites.sort((a, b) => rank(a) - rank(b));
  /** @type {Result[]} */
  const results = [];
  const lane = async () => {
    for (let suite; (suite = waiting.shift()); ) results.push(await runSuite(suite));
  };
  await Promise.all(Array.from({ length: alone ? 1 : programsAtOnce }, lane));

  const broken = results.filter(({ code }) => code !== 0);
  for (const { name, program, output } of broken) console.log(`\n==== ${name} (${program}) failed\n${output}`);
  for (const { name, folder, seconds, passed } of results.sort((a, b) => b.seconds - a.seconds))
    console.log(`rust: ${seconds.toFixed(1).padStart(6)} s ${String(passed).padStart(5)} passed  ${basename(folder)}/${name}`);
  const sum = (what) => results.reduce((total, result) => total + result[what], 0);
  if (broken.length) console.log(`rust: failed: ${broken.map(({ name }) => name).join(", ")}`);
  console.log(`rust: ${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
  process.exitCode = broken.length ? 1 : 0;
}

await (argv[2] === "build" ? build(argv.slice(3)) : run(argv[2] === "alone"));
