// Live equals reload: after jobs, queues, schedules and settings have changed, an open page shows what a fresh load of the
// same address shows, element by element, times aside.
import { type Browser, type BrowserContext, expect, type Page, request } from "@playwright/test";
import { createSchedule } from "./support/every-page.ts";
import { Milepost, startJob, test, waitUntilLive } from "./support/milepost.ts";
import { authorizedAs, createAdministrator } from "./support/users.ts";

/** Elements with a text, a target or a shape, as a reader of the page sees them. */
function elements(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    // Times and what counts them; icons, which a script draws in another way; how many jobs a list shows.
    const aside = "time, [data-until], td.when span, use, .pager";
    const compared = ["href", "aria-label", "aria-current", "data-state", "points", "height", "max", "value", "selected"];
    // What a reader has open stays open.
    for (const details of document.querySelectorAll("details")) details.open = true;
    return [...document.querySelectorAll("main *, .nav *")].flatMap((element) => {
      if (!element.checkVisibility() || element.closest(aside)) return [];
      const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.textContent);
      const text = own.join("").replaceAll(/\s+/g, " ").trim();
      // The database grows while the pages are compared; its size is also a text, in rounded units.
      const exact = element.localName === "progress" && element.closest("[aria-labelledby=space]");
      const attributes = compared.filter((name) => element.hasAttribute(name) && !(exact && /max|value/.test(name))).map((name) => `${name}=${element.getAttribute(name)}`);
      if (!text && attributes.length === 0) return [];
      const job = element.closest("table.jobs tr")?.querySelector("a")?.getAttribute("href")?.replace("/jobs/", "job-");
      const row = job ?? "";
      return [`${row} ${element.localName} ${attributes.join(" ")} ${text}`.trim()];
    });
  });
}

/** Rows never move by themselves: new jobs are behind a link. So of a list, its tabs and the rows that both pages have. */
function compareJobList(live: string[], fresh: string[]) {
  const rows = (lines: string[]) => new Set(lines.map((line) => /^job-\d+/.exec(line)?.[0]));
  const [shown, there] = [rows(live), rows(fresh)];
  const kept = (lines: string[]) =>
    lines.filter((line) => {
      const row = /^job-\d+/.exec(line)?.[0];
      return row ? shown.has(row) && there.has(row) : line.startsWith("a aria-current") || line.startsWith("span ");
    });
  return [kept(live), kept(fresh)] as const;
}

/** Returns what an open page has and a fresh one has not, and the reverse. Waits until they are equal: on a busy machine pages ask seldom. */
async function differences(context: BrowserContext, open: Page, path: string): Promise<string[]> {
  const fresh = await context.newPage();
  await fresh.goto(path);
  await waitUntilLive(fresh);
  let found: string[] = [];
  await expect
    .poll(async () => {
      const [shown, loaded] = [await elements(open), await elements(fresh)];
      const [live, expected] = /^\/jobs(\?|$)/.test(path) ? compareJobList(shown, loaded) : [shown, loaded];
      expect(expected.length, `${path} shows data`).toBeGreaterThan(5);
      found = [
        ...live.filter((line) => !expected.includes(line)).map((line) => `${path} only live: ${line}`),
        ...expected.filter((line) => !live.includes(line)).map((line) => `${path} only fresh: ${line}`),
      ];
      if (found.length === 0 && live.join("\n") !== expected.join("\n")) found = [`${path}: another order: ${live.join(", ")}; ${expected.join(", ")}`];
      return found.length;
    }, { timeout: 45_000, intervals: [500] })
    .toBe(0)
    .catch(() => undefined);
  await fresh.close();
  return found;
}

async function prepare(browser: Browser) {
  const server = await new Milepost([], false, true).start();
  const user = await createAdministrator(server);
  const api = await request.newContext({ baseURL: server.url, ...authorizedAs(user) });
  const session = await request.newContext({
    baseURL: server.url,
    storageState: user.session,
    extraHTTPHeaders: { "sec-fetch-site": "same-origin" },
  });
  const act = async (name: string, form: Record<string, string>) => {
    const response = await session.post(`/api/${name}`, { form });
    expect(response.status(), `${name}: ${await response.text()}`).toBe(200);
  };
  const start = (input: object) => startJob(api, "demo", input);
  const reaches = (job: number, state: string) =>
    expect.poll(async () => (await api.get(`/jobs/${job}`)).text(), { timeout: 60_000 }).toContain(state);
  const context = await browser.newContext({ baseURL: server.url, storageState: user.session });
  const end = async () => {
    await context.close();
    await Promise.all([api.dispose(), session.dispose()]);
    await server.remove();
  };
  return { server, user, api, context, act, start, reaches, end };
}

test("every page that is open shows what a reload shows", async ({ browser }) => {
  test.setTimeout(600_000);
  const { server, user, context, act, start, reaches, end } = await prepare(browser);
  try {
    await createSchedule(browser, server, user);
    const finished = await start({ seconds: 0 });
    const retried = await start({ seconds: 0, ending: "fail" });
    const deleted = await start({ seconds: 0, ending: "panic" });
    for (const [job, state] of [[finished, "Succeeded"], [retried, "Failed"], [deleted, "Failed"]] as const) await reaches(job, state);
    const failing = await start({ seconds: 600, ending: "fail" });
    const cancelled = await start({ seconds: 600 });
    const paths = [
      ...["/", "/?hours=168", "/jobs", "/jobs?state=failed", "/new", "/new/demo", "/queues", "/schedules", "/schedules/1"],
      ...["/messages", "/settings", "/settings/users", "/settings/tasks", "/settings/audit"],
      ...[finished, retried, failing, cancelled].map((job) => `/jobs/${job}`),
    ];
    const pages = new Map<string, Page>();
    for (const path of paths) {
      const page = await context.newPage();
      await page.goto(path);
      await waitUntilLive(page);
      pages.set(path, page);
    }

    await act("pause_job", { id: String(failing) });
    await reaches(failing, "Paused");
    await act("cancel_job", { id: String(cancelled) });
    const done = await start({ seconds: 1, ending: "warn" });
    const failed = await start({ seconds: 0, ending: "fail" });
    await act("retry_job", { id: String(retried) });
    await act("run_schedule", { id: "1" });
    await reaches(done, "Succeeded with warnings");
    await reaches(failed, "Failed");
    await reaches(cancelled, "Cancelled");
    await act("delete_job", { id: String(deleted) });
    await act("add_note", { id: String(finished), text: "Ask Mei" });
    await act("send_message", { to: "everyone", text: "The disk is full", tone: "warning" });
    await act("change_kind_rule", { kind: "demo", start: "administrator", seen_by: "" });
    await act("add_user", { name: "olaf", role: "viewer" });
    await act("limit_queue", { queue: "disk", at_once: "2" });
    await act("pause_schedule", { id: "1" });
    await act("pause_queue", { queue: "default" });
    await start({ seconds: 1 });
    await reaches(retried, "Failed");

    const found: string[] = [];
    for (const [path, page] of pages) found.push(...(await differences(context, page, path)));
    expect(found).toEqual([]);
  } finally {
    await end();
  }
});

test("a schedule that runs: its page counts down, and shows the run", async ({ browser }) => {
  test.setTimeout(240_000);
  const { server, user, context, end } = await prepare(browser);
  try {
    await createSchedule(browser, server, user, "* * * * *");
    const page = await context.newPage();
    await page.goto("/schedules/1");
    await waitUntilLive(page);
    const next = page.locator("#ahead ~ *, .runs-ahead").locator("[data-until]").first();
    const left = async () => Number(/^in (\d+)/.exec((await next.textContent()) ?? "")?.[1]);
    const before = await left();
    await expect.poll(left, { message: "seconds left" }).toBeLessThan(before);
    await expect(page.getByRole("region", { name: "Runs", exact: true }).getByText("Running")).toBeVisible({ timeout: 90_000 });
    await expect(page.getByRole("region", { name: "Runs", exact: true }).getByText("Succeeded").first()).toBeVisible({ timeout: 60_000 });
  } finally {
    await end();
  }
});
