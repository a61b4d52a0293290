// Screenshots of every page: four widths, light and dark, with and without script. `make screenshots` runs it, `make test`
// does not. The pictures are in end2end/screenshots/WIDTH-SCHEME[-noscript]/.
import { join, resolve } from "node:path";
import { type APIRequestContext, type Browser, expect, type Page, request } from "@playwright/test";
import { Milepost, startJob, test as base } from "./support/milepost.ts";
import { openAndSave } from "./support/offline.ts";
import { authorizedAs, createAdministrator, createUser, type User } from "./support/users.ts";

const folder = resolve(import.meta.dirname, "../screenshots");
const widths = [360, 768, 1280, 1600];

interface Content {
  /** A server that is not set up. */
  fresh: Milepost;
  /** A server with users, jobs in every state, a schedule and messages. */
  server: Milepost;
  administrator: User;
  viewer: User;
  jobs: Record<string, number>;
}

const test = base.extend<object, { content: Content }>({
  content: [
    async ({ browser }, use) => {
      const fresh = await new Milepost([], false, true).start();
      const server = await new Milepost([], false, true).start();
      const administrator = await createAdministrator(server);
      await createUser(server, administrator, "otto", "operator");
      const viewer = await createUser(server, administrator, "vera", "viewer");
      const api = await request.newContext({ baseURL: server.url, ...authorizedAs(administrator) });
      const headers = { "sec-fetch-site": "same-origin" };
      const session = await request.newContext({ baseURL: server.url, storageState: administrator.session, extraHTTPHeaders: headers });
      const jobs = await createJobs(api, session, server);
      await createSchedule(browser, server, administrator);
      await use({ fresh, server, administrator, viewer, jobs });
      for (const context of [api, session]) await context.dispose();
      for (const started of [fresh, server]) await started.remove();
    },
    { scope: "worker", timeout: 180_000 },
  ],
});

async function createJobs(api: APIRequestContext, session: APIRequestContext, server: Milepost): Promise<Content["jobs"]> {
  const act = async (name: string, form: Record<string, string>) => {
    const response = await session.post(`/api/${name}`, { form });
    expect(response.status(), `${name}: ${await response.text()}`).toBe(200);
  };
  const reaches = (job: number, state: string) =>
    expect.poll(async () => (await api.get(`/jobs/${job}`)).text(), { timeout: 60_000 }).toContain(state);
  const start = (input: object) => startJob(api, "demo", input);
  const succeeded = await startJob(api, "checksum", { folder: server.root });
  const warnings = await start({ seconds: 2, ending: "warn" });
  const failed = await start({ seconds: 2, ending: "panic" });
  const cancelled = await start({ seconds: 600 });
  const paused = await start({ seconds: 60 });
  const retrying = await start({ seconds: 0, ending: "fail", attempts: 10 });
  const running = await start({ seconds: 1_800 });
  for (const [job, state] of [[succeeded, "Succeeded"], [warnings, "Succeeded with warnings"], [failed, "Failed"]] as const) await reaches(job, state);
  await act("cancel_job", { id: String(cancelled) });
  await act("pause_job", { id: String(paused) });
  await reaches(paused, "Paused");
  await act("add_note", { id: String(failed), text: "Ask Mei before you retry it" });
  await act("pin_job", { id: String(running) });
  await act("send_message", { to: "everyone", text: "The disk is full, please delete something", tone: "warning" });
  await act("pause_kind", { kind: "checksum" });
  await act("limit_queue", { queue: "disk", at_once: "2" });
  const queued = await startJob(api, "checksum", { folder: server.root });
  await act("start_job", { kind: "demo", input: "{}", start_at: "2100-01-01T06:30" });
  return { succeeded, warnings, failed, cancelled, paused, retrying, running, queued, scheduled: queued + 1 };
}

/** By form: there is no call that creates a schedule. */
async function createSchedule(browser: Browser, server: Milepost, user: User) {
  const context = await browser.newContext({ baseURL: server.url, storageState: user.session, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto("/schedules/new?kind=demo");
  await page.getByLabel("Name", { exact: true }).fill("Nightly");
  await page.getByLabel("Cron expression").fill("0 2 * * *");
  await page.getByRole("button", { name: "Save schedule" }).click();
  await expect(page).toHaveURL(/\/schedules\/\d+$/);
  await context.close();
}

/** Pages of the administrator: a path, or how to open the page. */
const signedIn: Record<string, string | ((page: Page, content: Content) => Promise<unknown>)> = {
  overview: "/",
  "job-list": "/jobs",
  "job-list-failed": "/jobs?state=failed",
  "job-list-empty": "/jobs?q=no+job+has+this+title",
  "job-list-invalid-filter": "/jobs?state=bogus",
  "new-job": "/new",
  "new-job-demo": "/new/demo",
  "new-job-import-csv": "/new/import-csv",
  "new-job-checksum": "/new/checksum",
  "new-job-errors": async (page) => {
    await page.goto("/new/demo");
    await page.getByLabel("Seconds", { exact: true }).fill("soon");
    await page.getByRole("button", { name: "Start job" }).click();
    await expect(page.getByRole("alert")).toBeVisible();
  },
  queues: "/queues",
  schedules: "/schedules",
  schedule: "/schedules/1",
  "schedule-new": "/schedules/new",
  "schedule-new-demo": "/schedules/new?kind=demo",
  "schedule-edit": "/schedules/1/edit",
  "schedule-delete": "/schedules/1?confirm=delete",
  messages: "/messages",
  profile: "/settings",
  users: "/settings/users",
  "users-remove": "/settings/users?remove=2",
  tasks: "/settings/tasks",
  audit: "/settings/audit",
  "not-found": "/nothing-here",
  "job-not-found": "/jobs/999999",
};

/** Whole pages as they are without animation. */
async function shoot(page: Page, variant: string, name: string) {
  await page.screenshot({ path: join(folder, variant, `${name}.png`), fullPage: true, animations: "disabled" });
}

for (const width of widths) {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const script of [true, false]) {
      const variant = `${width}-${colorScheme}${script ? "" : "-noscript"}`;
      test(variant, async ({ browser, content }) => {
        const { fresh, server, administrator, viewer, jobs } = content;
        const options = { colorScheme, javaScriptEnabled: script, viewport: { width, height: 900 } };
        const pageOf = async (milepost: Milepost, user?: User) =>
          (await browser.newContext({ ...options, baseURL: milepost.url, storageState: user?.session })).newPage();
        const visit = async (page: Page, name: string, path: string) => {
          await page.goto(path);
          if (script && (await page.locator("leptos-island").count()) > 0) await page.locator("html[data-live=on]").waitFor();
          await shoot(page, variant, name);
        };

        const page = await pageOf(server, administrator);
        for (const [name, how] of Object.entries(signedIn)) {
          if (typeof how === "string") await visit(page, name, how);
          else {
            await how(page, content);
            await shoot(page, variant, name);
          }
        }
        for (const [state, job] of Object.entries(jobs)) await visit(page, `job-${state}`, `/jobs/${job}`);
        await visit(page, "job-delete", `/jobs/${jobs["succeeded"]}?confirm=delete`);
        if (script) {
          const lost = await new Milepost().start();
          const offline = await pageOf(lost);
          await openAndSave(offline, "/");
          await lost.kill();
          for (const [name, path] of [["offline-saved", "/"], ["offline", "/queues"]] as const) {
            await offline.goto(path);
            await shoot(offline, variant, name);
          }
          await offline.context().close();
          await lost.remove();
        }
        await page.context().close();

        const limited = await pageOf(server, viewer);
        for (const [name, path] of [["viewer-overview", "/"], ["viewer-job", `/jobs/${jobs["failed"]}`], ["forbidden", "/settings/users"]] as const) {
          await visit(limited, name, path);
        }
        await limited.context().close();

        const signedOut = await pageOf(server);
        await visit(signedOut, "sign-in", "/sign-in");
        await signedOut.getByLabel("Name").fill("ada");
        await signedOut.getByLabel("Password", { exact: true }).fill("not the password");
        await signedOut.getByRole("button", { name: "Sign in" }).click();
        await expect(signedOut.getByRole("alert")).toBeVisible();
        await shoot(signedOut, variant, "sign-in-errors");
        await visit(signedOut, "link-expired", "/setup?link=unknown");
        await signedOut.context().close();
        const first = await pageOf(fresh);
        await visit(first, "sign-in-before-set-up", "/sign-in");
        await visit(first, "set-up", fresh.setupLink);
        await first.context().close();
      });
    }
  }
}
