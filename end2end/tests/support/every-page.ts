// Every page: a server with users, jobs in every state, a schedule and messages, and the addresses to visit there. The
// screenshots and the hydration test take them from here; the latter fails if a page of the route table is missing.
import { type APIRequestContext, type Browser, expect, request } from "@playwright/test";
import { Milepost, startJob, test as base } from "./milepost.ts";
import { authorizedAs, createAdministrator, createUser, type User } from "./users.ts";

export interface Content {
  /** A server that is not set up. */
  fresh: Milepost;
  /** A server with users, jobs in every state, a schedule and messages. */
  server: Milepost;
  administrator: User;
  viewer: User;
  jobs: Record<string, number>;
  /** Tasks that can be started. */
  kinds: string[];
}

export const test = base.extend<object, { content: Content }>({
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
      const catalogue = await (await api.get("/new")).text();
      const kinds = [...catalogue.matchAll(/href="\/new\/([\w-]+)"/g)].map(([, kind]) => String(kind));
      await use({ fresh, server, administrator, viewer, jobs, kinds: [...new Set(kinds)] });
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
export async function createSchedule(browser: Browser, server: Milepost, user: User, expression = "0 2 * * *") {
  const context = await browser.newContext({ baseURL: server.url, storageState: user.session, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto("/schedules/new?kind=demo");
  await page.getByLabel("Name", { exact: true }).fill("Nightly");
  await page.getByLabel("Cron expression").fill(expression);
  await page.getByRole("button", { name: "Save schedule" }).click();
  await expect(page).toHaveURL(/\/schedules\/\d+$/);
  await context.close();
}

/** Names and paths of pages, and who opens them. */
export interface Visit {
  server: Milepost;
  user?: User;
  pages: Record<string, string>;
}

/** Returns every page. */
export function everyPage({ fresh, server, administrator, viewer, jobs, kinds }: Content): Record<"administrator" | "viewer" | "signedOut" | "first", Visit> {
  const each = <T>(items: T[], page: (item: T) => [string, string]) => Object.fromEntries(items.map(page));
  const signedIn = {
    overview: "/",
    "job-list": "/jobs",
    "job-list-failed": "/jobs?state=failed",
    "job-list-empty": "/jobs?q=no+job+has+this+title",
    "job-list-invalid-filter": "/jobs?state=bogus",
    ...each(Object.entries(jobs), ([state, job]) => [`job-${state}`, `/jobs/${job}`]),
    "job-delete": `/jobs/${jobs["succeeded"]}?confirm=delete`,
    "new-job": "/new",
    ...each(kinds, (kind) => [`new-job-${kind}`, `/new/${kind}`]),
    "new-job-not-found": "/new/no-such-task",
    queues: "/queues",
    schedules: "/schedules",
    schedule: "/schedules/1",
    "schedule-new": "/schedules/new",
    "schedule-new-demo": "/schedules/new?kind=demo",
    "schedule-edit": "/schedules/1/edit",
    "schedule-delete": "/schedules/1?confirm=delete-schedule",
    "schedule-not-found": "/schedules/999999",
    messages: "/messages",
    about: "/about",
    profile: "/settings",
    users: "/settings/users",
    "users-remove": "/settings/users?confirm=remove-2",
    "users-rename": "/settings/users?rename=2",
    tasks: "/settings/tasks",
    audit: "/settings/audit",
    "not-found": "/nothing-here",
    "job-not-found": "/jobs/999999",
  };
  return {
    administrator: { server, user: administrator, pages: signedIn },
    viewer: {
      server,
      user: viewer,
      pages: { "viewer-overview": "/", "viewer-job": `/jobs/${jobs["failed"]}`, forbidden: "/settings/users" },
    },
    signedOut: { server, pages: { "sign-in": "/sign-in", "link-expired": "/setup?link=unknown", offline: "/offline" } },
    first: { server: fresh, pages: { "sign-in-before-set-up": "/sign-in", "set-up": fresh.setupLink } },
  };
}
