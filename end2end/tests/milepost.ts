// The program under test: started on a free port with data of its own, ended with SIGTERM.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type APIRequestContext, test as base, expect, type Page } from "@playwright/test";
import { ada, add, inTheNameOf, type Person, type Role } from "./people.ts";

/** The program; `make test` names one that is not optimised. */
export const binary = resolve(import.meta.dirname, process.env.MILEPOST_BIN ?? "../../target/release/milepost");
const samples = resolve(import.meta.dirname, "../samples");

/** One server with its data directory, which outlives a kill. */
export class Milepost {
  readonly home = mkdtempSync(join(tmpdir(), "milepost-"));
  readonly root = join(this.home, "root");
  url = "";
  /** The link for the first administrator of a server with accounts. */
  setupLink = "";
  private child?: ChildProcess;

  /**
   * `alone`: from a copy in a folder with nothing else in it, started from the root directory, with no environment.
   * `accounts`: people sign in.
   */
  constructor(
    private readonly flags: string[] = [],
    private readonly alone = false,
    private readonly accounts = false,
  ) {
    cpSync(samples, this.root, { recursive: true });
  }

  /** Starts it, on the port it had before if there was one. */
  async start(): Promise<this> {
    const addr = this.url ? new URL(this.url).host : "127.0.0.1:0";
    const access = this.accounts ? [] : ["--no-auth"];
    const args = ["--addr", addr, "--data-dir", join(this.home, "data"), "--root", this.root, ...access, ...this.flags];
    const copy = join(this.home, "alone", "milepost");
    if (this.alone) cpSync(binary, copy);
    const place = this.alone ? { cwd: "/", env: {} } : { cwd: this.home };
    const child = spawn(this.alone ? copy : binary, args, { ...place, stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    let log = "";
    child.stderr.on("data", (chunk) => (log += chunk));
    this.url = await new Promise<string>((found, failed) => {
      let said = "";
      child.stdout.on("data", (chunk) => {
        said += chunk;
        const line = /^listening on (http:\/\/\S+)$/m.exec(said);
        const file = /^set up the first administrator with the link in (\S+)$/m.exec(said)?.[1];
        this.setupLink ||= file ? readFileSync(file, "utf8").trim() : "";
        if (line?.[1] && (this.setupLink || !this.accounts)) found(line[1]);
      });
      child.once("exit", (code) => failed(new Error(`milepost ended with ${code} before it listened\n${log}`)));
    });
    return this;
  }

  /** Ends it as an operator would. Answers the exit code. */
  async stop(): Promise<number | null> {
    return this.end("SIGTERM");
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Ends it and removes what it kept. */
  async remove(): Promise<void> {
    const code = await this.stop();
    rmSync(this.home, { recursive: true, force: true });
    expect(code, "exit code after SIGTERM").toBe(0);
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? 0;
    const exit = once(child, "exit");
    child.kill(signal);
    const [code] = await exit;
    return code as number | null;
  }
}

/** What the tests of a project have in common. */
export interface Served {
  /** Who looks at the pages: somebody with this role, or whoever comes by where there are no accounts. */
  role: "none" | Role;
  /** The server's, besides where it is and keeps its data. */
  flags: string[];
  /** One for each worker. */
  milepost: Milepost;
  /** Who has signed in on `page`, and in whose name `request` works. */
  people?: { visitor: Person; caller: Person };
}

/** `test` with a server as `milepost`, its address as `baseURL`, and a browser in which `role` has signed in. */
export const test = base.extend<object, Served>({
  role: ["none", { option: true, scope: "worker" }],
  flags: [["--cancel-grace", "2s"], { option: true, scope: "worker" }],
  milepost: [
    async ({ flags, role }, use) => {
      const milepost = await new Milepost(flags, false, role !== "none").start();
      await use(milepost);
      await milepost.remove();
    },
    { scope: "worker" },
  ],
  people: [
    async ({ milepost, role }, use) => {
      if (role === "none") return use(undefined);
      const first = await ada(milepost);
      const visitor = role === "administrator" ? first : await add(milepost, first, role, role);
      // A viewer starts nothing: what there is to see, the administrator does.
      await use({ visitor, caller: role === "viewer" ? first : visitor });
    },
    { scope: "worker" },
  ],
  baseURL: async ({ milepost }, use) => use(milepost.url),
  storageState: async ({ people }, use) => use(people?.visitor.session),
  request: async ({ baseURL, people, playwright }, use) => {
    const request = await playwright.request.newContext({ baseURL, ...(people && inTheNameOf(people.caller)) });
    await use(request);
    await cancelStarted(request);
    await request.dispose();
  },
});

export { expect };

/** The jobs that `startJob` started with each context. */
const started = new WeakMap<APIRequestContext, number[]>();

/** Cancels what a test leaves running: its jobs would take the slots of the tests that share the server. */
async function cancelStarted(request: APIRequestContext): Promise<void> {
  for (const id of started.get(request) ?? []) await request.post("/api/cancel_job", { form: { id: String(id) } });
}

/** Starts a job the way scripts do. Returns its number. */
export async function startJob(request: APIRequestContext, kind: string, input: object = {}): Promise<number> {
  const answer = await request.post("/api/start_job", { form: { kind, input: JSON.stringify(input) } });
  expect(answer.status(), await answer.text()).toBe(200);
  const job = Number(await answer.json());
  started.set(request, [...(started.get(request) ?? []), job]);
  return job;
}

/** Waits until the page's islands are awake and its stream is open. */
export async function live(page: Page): Promise<void> {
  await page.locator("html[data-live=on]").waitFor();
}

/** The state shown in the page head. */
export function state(page: Page) {
  return page.locator(".page-head .state");
}

/** How many steps the page of a demonstration says are done. */
export async function steps(page: Page): Promise<number> {
  const figure = page.locator(".figures > div").filter({ has: page.getByText("Steps", { exact: true }) });
  return Number((await figure.locator("dd").first().textContent())?.replace(/\D/g, ""));
}
