// The program under test: starts on a free port with its own data directory and is stopped with SIGTERM.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type APIRequestContext, expect, type Page, test as base } from "@playwright/test";
import { authorizedAs, createAdministrator, createUser, type Role, type User } from "./users.ts";

/** Path of the program. `make test` sets `MILEPOST_BIN` to a debug build. */
export const binary = resolve(import.meta.dirname, "..", process.env.MILEPOST_BIN ?? "../../target/release/milepost");
const samples = resolve(import.meta.dirname, "../../samples");

/** A server and its data directory, which survives a kill. */
export class Milepost {
  readonly home = mkdtempSync(join(tmpdir(), "milepost-"));
  readonly root = join(this.home, "root");
  url = "";
  /** The link for the first administrator of a server with accounts. */
  setupLink = "";
  private child?: ChildProcess;

  /**
   * `isolated`: run a copy of the program from an empty folder, with `/` as working directory and no environment.
   * `accounts`: users sign in; otherwise `--no-auth`.
   */
  constructor(
    private readonly flags: string[] = [],
    private readonly isolated = false,
    private readonly accounts = false,
  ) {
    cpSync(samples, this.root, { recursive: true });
  }

  /** Starts the server. After the first time it uses the same port again. */
  async start(): Promise<this> {
    const addr = this.url ? new URL(this.url).host : "127.0.0.1:0";
    const access = this.accounts ? [] : ["--no-auth"];
    const args = ["--addr", addr, "--data-dir", join(this.home, "data"), "--root", this.root, ...access, ...this.flags];
    const copy = join(this.home, "isolated", "milepost");
    if (this.isolated) cpSync(binary, copy);
    const options = this.isolated ? { cwd: "/", env: {} } : { cwd: this.home };
    const child = spawn(this.isolated ? copy : binary, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    let log = "";
    child.stderr.on("data", (chunk) => (log += chunk));
    this.url = await new Promise<string>((found, failed) => {
      let output = "";
      child.stdout.on("data", (chunk) => {
        output += chunk;
        const line = /^listening on (http:\/\/\S+)$/m.exec(output);
        const file = /^set up the first administrator with the link in (\S+)$/m.exec(output)?.[1];
        this.setupLink ||= file ? readFileSync(file, "utf8").trim() : "";
        if (line?.[1] && (this.setupLink || !this.accounts)) found(line[1]);
      });
      child.once("exit", (code) => failed(new Error(`milepost ended with ${code} before it listened\n${log}`)));
    });
    return this;
  }

  /** Stops it gracefully. Returns the exit code. */
  async stop(): Promise<number | null> {
    return this.end("SIGTERM");
  }

  /** Kills it, as a power cut would. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Stops it and deletes its data. */
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

/** Options and fixtures that the tests of a project share. */
export interface ServerOptions {
  /** Role of the user on `page`; `none` is a server without accounts. */
  role: "none" | Role;
  /** More command line flags of the server. */
  flags: string[];
  /** One server for each Playwright worker. */
  milepost: Milepost;
  /** The users signed in on `page` and authorised in `request`. */
  users?: { pageUser: User; apiUser: User };
}

/** Playwright's `test` with a server as `milepost`, its address as `baseURL`, and a browser signed in as `role`. */
export const test = base.extend<object, ServerOptions>({
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
  users: [
    async ({ milepost, role }, use) => {
      if (role === "none") return use(undefined);
      const first = await createAdministrator(milepost);
      const pageUser = role === "administrator" ? first : await createUser(milepost, first, role, role);
      // A viewer cannot start jobs; the administrator starts them.
      await use({ pageUser, apiUser: role === "viewer" ? first : pageUser });
    },
    { scope: "worker" },
  ],
  baseURL: async ({ milepost }, use) => use(milepost.url),
  storageState: async ({ users }, use) => use(users?.pageUser.session),
  request: async ({ baseURL, users, playwright }, use) => {
    const request = await playwright.request.newContext({ baseURL, ...(users && authorizedAs(users.apiUser)) });
    await use(request);
    await cancelStarted(request);
    await request.dispose();
  },
});

export { expect };

/** Jobs that `startJob` started with each context. */
const started = new WeakMap<APIRequestContext, number[]>();

/** Cancels jobs that a test leaves running: they would take the slots of other tests on the same server. */
async function cancelStarted(request: APIRequestContext): Promise<void> {
  for (const id of started.get(request) ?? []) await request.post("/api/cancel_job", { form: { id: String(id) } });
}

/** Starts a job through the API. Returns its number. */
export async function startJob(request: APIRequestContext, kind: string, input: object = {}): Promise<number> {
  const response = await request.post("/api/start_job", { form: { kind, input: JSON.stringify(input) } });
  expect(response.status(), await response.text()).toBe(200);
  const job = Number(await response.json());
  started.set(request, [...(started.get(request) ?? []), job]);
  return job;
}

/** Waits until the islands of the page are hydrated and its stream is open. */
export async function waitUntilLive(page: Page): Promise<void> {
  await page.locator("html[data-live=on]").waitFor();
}

/** The state badge in the page head. */
export function state(page: Page) {
  return page.locator(".page-head .state");
}

/** Number of completed steps on the page of a demo job. */
export async function completedSteps(page: Page): Promise<number> {
  const figure = page.locator(".figures > div").filter({ has: page.getByText("Steps", { exact: true }) });
  return Number((await figure.locator("dd").first().textContent())?.replace(/\D/g, ""));
}
