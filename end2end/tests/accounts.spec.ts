// Accounts with script: set-up, roles, sign-in, sessions, passwords, tokens, audit log and time zone.
import { readFileSync } from "node:fs";
import { type Page } from "@playwright/test";
import { account, addUser, choosePassword, expect, expectForbidden, offeredActions, row, signIn, test } from "./support/server-with-accounts.ts";
import { completedSteps, startJob, state, waitUntilLive } from "./support/milepost.ts";
import { createAdministrator, createUser, password } from "./support/users.ts";

test("set-up: first administrator adds a viewer and an operator with single-use links", async ({ page, server, openBrowser }) => {
  await page.goto(server.setupLink);
  await choosePassword(page, "Create account", "ada");
  await expect(page).toHaveURL(`${server.url}/`);
  await expect(account(page)).toContainText("Administrator");

  for (const [name, role, word] of [["vera", "viewer", "Viewer"], ["otto", "operator", "Operator"]] as const) {
    const link = await addUser(page, name, role);
    await expect(row(page, "Users", name)).toContainText("Invited");
    await page.reload();
    await expect(page.getByLabel("Link", { exact: true }), "it is shown once").toHaveCount(0);

    const invited = await openBrowser();
    await invited.goto(link);
    await expect(invited.getByLabel("Name")).toHaveValue(name);
    await choosePassword(invited, "Set password");
    await expect(invited).toHaveURL(`${server.url}/`);
    await expect(account(invited)).toContainText(name);
    await expect(account(invited)).toContainText(word);
    await invited.goto(link);
    await expect(invited.getByRole("heading", { level: 1 })).toHaveText("Link expired or already used");
    await page.reload();
    await expect(row(page, "Users", name)).toContainText(/Active.*just now/);
  }
  const late = await openBrowser();
  await late.goto(server.setupLink);
  await expect(late.getByRole("heading", { level: 1 })).toHaveText("Link expired or already used");
});

test("viewer: sees live progress and can change nothing", async ({ server, openBrowser, apiClient }) => {
  const first = await createAdministrator(server);
  const request = await apiClient(first);
  const failed = await startJob(request, "demo", { seconds: 0, ending: "fail" });
  await expect.poll(async () => (await request.get(`/jobs/${failed}`)).text()).toContain("Failed");
  const running = await startJob(request, "demo", { seconds: 600 });

  const page = await openBrowser(await createUser(server, first, "vera", "viewer"));
  for (const path of ["/", "/jobs", `/jobs/${failed}`, `/jobs/${running}`, "/queues"]) {
    expect((await page.goto(path))?.status(), path).toBe(200);
    await waitUntilLive(page);
    expect(await offeredActions(page), path).toEqual([]);
  }
  await page.goto(`/jobs/${running}`);
  await waitUntilLive(page);
  const before = await completedSteps(page);
  await expect.poll(() => completedSteps(page), "progress is live").toBeGreaterThan(before);

  const cancel = (id: number) => fetch("/api/cancel_job", { method: "POST", body: new URLSearchParams({ id: String(id) }) });
  expect(await page.evaluate(`(${cancel})(${running}).then((response) => response.status)`)).toBe(403);
  await request.post("/api/cancel_job", { form: { id: String(running) } });
  await expect(state(page)).toContainText("Cancelled");
  expect(await offeredActions(page), "also after the job ended").toEqual([]);

  for (const path of ["/new", "/new/demo"]) await expectForbidden(page, path, "needs the role operator");
  for (const path of ["/settings/users", "/settings/tasks", "/settings/audit"]) {
    await expectForbidden(page, path, "needs the role administrator");
  }
});

test("operator: starts, cancels and reruns jobs and cannot manage users", async ({ server, openBrowser, apiClient }) => {
  const first = await createAdministrator(server);
  const adminJob = await startJob(await apiClient(first), "demo", { seconds: 600 });
  const page = await openBrowser(await createUser(server, first, "otto", "operator"));
  await page.goto("/");
  await page.getByRole("link", { name: "New job" }).first().click();
  await page.getByRole("link", { name: "Demo", exact: true }).click();
  await waitUntilLive(page);
  await page.getByLabel("Seconds", { exact: true }).fill("600");
  await page.getByRole("button", { name: "Start job" }).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  await waitUntilLive(page);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(state(page)).toContainText("Cancelled");
  await expect(page.getByRole("link", { name: "Delete" })).toBeVisible();
  const before = page.url();
  await page.getByRole("button", { name: "Run again" }).click();
  await expect(page).not.toHaveURL(before);
  await waitUntilLive(page);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(state(page)).toContainText("Cancelled");

  await page.goto(`/jobs/${adminJob}`);
  await waitUntilLive(page);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(state(page)).toContainText("Cancelled");
  await expect(page.getByRole("button", { name: "Run again" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Delete" }), "of another user's job").toHaveCount(0);

  await page.goto("/queues");
  expect((await offeredActions(page)).filter((action) => !action.startsWith("/new"))).toEqual([]);
  await expectForbidden(page, "/settings/users", "needs the role administrator");
});

test("sign-in: wrong password is rejected and many of them are delayed", async ({ page, server }) => {
  await createAdministrator(server);
  await page.goto("/sign-in");
  await signIn(page, "ada", "seven green adders");
  await expect(page.getByRole("alert")).toHaveText("Name and password do not match.");
  await expect(page.getByLabel("Name")).toHaveValue("ada");
  await expect(page.getByLabel("Password", { exact: true })).toHaveValue("");
  await signIn(page, "mallory", "seven green adders");
  await expect(page.getByRole("alert"), "the response does not reveal whether the name exists").toHaveText("Name and password do not match.");

  // The delays begin short and double; on a slow machine the first ones are over before the response.
  await expect(async () => {
    await signIn(page, "ada", "seven green adders");
    await expect(page.getByRole("alert")).toHaveText(/^Too many tries\. Wait \d+ s before the next one\.$/, { timeout: 1_000 });
  }).toPass({ intervals: [0] });
  await expect(page.getByLabel("Name")).toHaveValue("ada");
  await expect(async () => {
    await signIn(page, "ada");
    await expect(page).toHaveURL(`${server.url}/`, { timeout: 1_000 });
  }, "signing in works after the delay").toPass();
});

test("deep link: opens after signing in", async ({ page, server, apiClient }) => {
  const first = await createAdministrator(server);
  const job = await startJob(await apiClient(first), "demo", { seconds: 0 });
  await page.goto(`/jobs/${job}#L2`);
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await expect(page.getByRole("main")).not.toContainText("Demo");
  await signIn(page, "ada", "seven green adders");
  await signIn(page, "ada");
  await expect(page).toHaveURL(new RegExp(`/jobs/${job}(#L2)?$`));
  await page.goto("/sign-in?next=//example.com/");
  await expect(page, "never redirects to another server").toHaveURL(`${server.url}/`);
});

test("sign-out: Back shows no page of the session", async ({ server, openBrowser, apiClient }) => {
  const first = await createAdministrator(server);
  const job = await startJob(await apiClient(first), "demo", { seconds: 0 });
  const page = await openBrowser(first);
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  await page.goto("/settings");
  await account(page).getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
  for (let steps = 0; steps < 2; steps += 1) {
    await page.goBack();
    await expect(page).toHaveURL(/\/sign-in/);
    await expect(page.getByRole("heading", { level: 1 })).toContainText("Sign in");
    await expect(page.locator(".sidebar")).toHaveCount(0);
  }
});

test("sessions: signing out elsewhere ends the other session, whose page returns after sign-in", async ({ server, openBrowser, apiClient }) => {
  const first = await createAdministrator(server);
  const job = await startJob(await apiClient(first), "demo", { seconds: 600 });
  const other = await openBrowser();
  await other.goto(`/jobs/${job}?line=1`);
  await signIn(other, "ada");
  await waitUntilLive(other);
  await expect(state(other)).toContainText("Running");

  const page = await openBrowser(first);
  await page.goto("/settings");
  await expect(row(page, "Sessions", "Chrome on Linux")).toBeVisible();
  await page.getByRole("link", { name: "Sign out everywhere else" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Sign out everywhere else" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Signed out 1 other session" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Sessions" }).locator("tbody tr")).toHaveCount(1);

  await expect(other.locator(".link")).toHaveAttribute("data-link", "signed-out", { timeout: 15_000 });
  await expect(other.locator(".link")).toContainText("Signed out");
  await other.getByRole("link", { name: "Sign in" }).click();
  await signIn(other, "ada");
  await expect(other).toHaveURL(`${server.url}/jobs/${job}?line=1`);
  await waitUntilLive(other);
});

test("password: a change takes effect at once and ends other sessions", async ({ server, openBrowser }) => {
  const first = await createAdministrator(server);
  const other = await openBrowser();
  await other.goto("/jobs");
  await signIn(other, "ada");
  await waitUntilLive(other);

  const page = await openBrowser(first);
  await page.goto("/settings");
  const change = async (old: string, chosen: string, again = chosen) => {
    const form = page.getByRole("form", { name: "Password" });
    await form.getByLabel("Current password").fill(old);
    await form.getByLabel("New password").fill(chosen);
    await form.getByLabel("Confirm password").fill(again);
    await form.getByRole("button", { name: "Change password" }).click();
  };
  await change("seven green adders", "eight blue herons");
  await expect(page.getByRole("alert")).toBeFocused();
  await expect(page.getByLabel("Current password")).toHaveAccessibleDescription(/This is not your password/);
  await change(password, "short");
  await expect(page.getByLabel("New password")).toHaveAccessibleDescription(/at least 12 characters/);
  await change(password, "eight blue herons", "eight blue heroes");
  await expect(page.getByLabel("Confirm password")).toHaveAccessibleDescription(/do not match/);
  await expect(other.locator(".link")).toHaveAttribute("data-link", "live");
  await change(password, "eight blue herons");
  await expect(page.getByRole("status").filter({ hasText: "Password changed" })).toBeVisible();

  await expect(other.locator(".link")).toHaveAttribute("data-link", "signed-out", { timeout: 15_000 });
  await other.getByRole("link", { name: "Sign in" }).click();
  await signIn(other, "ada");
  await expect(other.getByRole("alert")).toHaveText("Name and password do not match.");
  await signIn(other, "ada", "eight blue herons");
  await expect(other).toHaveURL(`${server.url}/jobs`);
});

test("API token: is shown once, has only its scopes, and fails after revocation", async ({ server, openBrowser }) => {
  const page = await openBrowser(await createAdministrator(server));
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto("/settings");
  const form = page.getByRole("form", { name: "New token" });
  await form.getByLabel("Name").fill("nightly import");
  await form.getByLabel("Start").check();
  await form.getByRole("button", { name: "Create token" }).click();
  const shown = page.getByLabel("New token", { exact: true }).and(page.getByRole("textbox"));
  const token = await shown.inputValue();
  await waitUntilLive(page);
  await page.getByRole("button", { name: "Copy" }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(token);
  await page.goto("/settings");
  await expect(shown).toHaveCount(0);
  expect(await page.content()).not.toContain(token);
  await expect(row(page, "API tokens", "nightly import")).toContainText("Read, start");

  const use = async (path: string, form?: Record<string, string>) => {
    const body = form && new URLSearchParams(form);
    const method = body ? "POST" : "GET";
    return (await fetch(server.url + path, { method, body, headers: { authorization: `Bearer ${token}` } })).status;
  };
  expect(await use("/api/start_job", { kind: "demo", input: '{"seconds":0}' })).toBe(200);
  expect(await use("/jobs/1/log")).toBe(200);
  expect(await use("/api/add_user", { name: "eve", role: "administrator" })).toBe(403);
  await row(page, "API tokens", "nightly import").getByRole("link", { name: "Revoke" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Token revoked" })).toBeVisible();
  await expect(row(page, "API tokens", "nightly import")).toHaveCount(0);
  expect(await use("/jobs/1/log")).toBe(401);
});

test("audit log: lists actions, filters them and exports CSV", async ({ page: signedOut, server, openBrowser, apiClient }) => {
  const first = await createAdministrator(server);
  const otto = await createUser(server, first, "otto", "operator");
  const job = await startJob(await apiClient(otto), "demo", { seconds: 0 });
  await signedOut.goto("/sign-in");
  await signIn(signedOut, "otto", "seven green adders");
  await expect(signedOut.getByRole("alert")).toBeVisible();

  const page = await openBrowser(first);
  await page.goto("/settings/audit");
  const lines = page.getByRole("region", { name: "Audit log" }).locator("tbody tr");
  for (const entry of [
    "not signed in failed to sign in as “otto”",
    `otto with token tests started job #${job}`,
    "otto set a password by link",
    "ada added otto as operator",
    "ada created the token tests",
    "ada set up the server",
  ]) {
    const words = new RegExp(entry.split(" ").join("\\s*"));
    await expect(lines.filter({ hasText: words }), entry).toHaveCount(1);
  }
  await expect(lines.first()).toContainText("127.0.0.1");

  await page.getByLabel("Who, by name").fill("otto");
  await page.getByLabel("What", { exact: true }).selectOption("Started a job");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(lines).toHaveCount(1);
  await expect(lines).toContainText(`#${job}`);
  await expect(page.getByLabel("Who, by name")).toHaveValue("otto");

  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Export as CSV" }).click()]);
  expect(download.suggestedFilename()).toBe("audit.csv");
  const csv = readFileSync(await download.path(), "utf8").trim().split("\n");
  expect(csv[0]).toBe("time,who,token,address,what,job,detail");
  expect(csv).toHaveLength(2);
  expect(csv[1]).toMatch(new RegExp(`Z,otto,tests,127\\.0\\.0\\.1,job_started,${job},`));

  await page.getByRole("link", { name: "Clear" }).click();
  await page.getByLabel("Job, by number").fill("seven");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page.getByRole("main").getByRole("status")).toContainText("“seven”");
  await expect(lines.filter({ hasText: "set up the server" })).toBeVisible();
});

test("time zone: server and browser write the same tooltips", async ({ server, openBrowser, apiClient, browser }) => {
  const first = await createAdministrator(server);
  const job = await startJob(await apiClient(first), "demo", { seconds: 0 });
  const page = await openBrowser(first);
  const titles = (root: Page) => root.locator("main time[title]").evaluateAll((times) => times.map((time) => `${time.getAttribute("datetime")} ${time.getAttribute("title")}`));
  const noScript = await (await browser.newContext({ baseURL: server.url, storageState: first.session, javaScriptEnabled: false })).newPage();
  for (const zone of ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Asia/Kathmandu", "America/St_Johns"]) {
    await page.goto("/settings");
    await page.getByRole("combobox", { name: "Time zone" }).selectOption(zone);
    await page.getByRole("form", { name: "Time zone" }).getByRole("button", { name: "Save" }).click();
    await expect(page.getByRole("status").filter({ hasText: zone })).toBeVisible();
    await page.goto(`/jobs/${job}`);
    await waitUntilLive(page);
    await expect(state(page)).toContainText("Succeeded");
    await noScript.goto(`/jobs/${job}`);
    const written = await titles(noScript);
    expect(written.length, zone).toBeGreaterThan(3);
    await expect.poll(() => titles(page), zone).toEqual(written);
  }
  await noScript.context().close();
});

for (const [zone, name] of [["Europe/Berlin", "CES?T"], ["America/New_York", "UTC-[45]"], ["Asia/Tokyo", "UTC\\+9"], ["Asia/Kathmandu", "UTC\\+5:45"], ["UTC", "UTC"]] as const) {
  test(`time zone: tooltips name the browser's zone ${zone}`, async ({ server, browser, apiClient }) => {
    const first = await createAdministrator(server);
    const job = await startJob(await apiClient(first), "demo", { seconds: 0 });
    const page = await (await browser.newContext({ baseURL: server.url, storageState: first.session, timezoneId: zone })).newPage();
    await page.goto(`/jobs/${job}`);
    await waitUntilLive(page);
    const times = page.locator("main time[title]:visible");
    const format = new RegExp(`^\\w{3}, \\d{1,2} \\w{3} \\d{4}, \\d\\d:\\d\\d:\\d\\d ${name}$`);
    for (const time of await times.all()) {
      await expect(time).toHaveAttribute("title", format);
      const at = new Date((await time.getAttribute("datetime")) ?? "");
      const day = at.toLocaleDateString("en-US", { weekday: "short", timeZone: zone });
      const clock = at.toLocaleTimeString("en-GB", { timeZone: zone });
      expect(await time.getAttribute("title")).toMatch(new RegExp(`^${day}, .*${clock}`));
    }
    expect(await times.count()).toBeGreaterThan(2);
    await page.context().close();
  });
}

test("time zone: the user's choice applies to all times on pages", async ({ server, openBrowser, apiClient }) => {
  const first = await createAdministrator(server);
  const job = await startJob(await apiClient(first), "demo", { seconds: 0 });
  const page = await openBrowser(first);
  await page.goto("/settings");
  await page.getByRole("combobox", { name: "Time zone" }).selectOption("Asia/Kathmandu");
  await page.getByRole("form", { name: "Time zone" }).getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Asia/Kathmandu" })).toBeVisible();
  for (const path of ["/settings", `/jobs/${job}`, "/settings/audit"]) {
    await page.goto(path);
    await waitUntilLive(page);
    const times = await page.locator("main time[datetime]:visible").evaluateAll((times) =>
      times.map((time) => [time.getAttribute("datetime") ?? "", time.getAttribute("title") ?? time.textContent ?? ""] as const),
    );
    expect(times.length, path).toBeGreaterThan(0);
    for (const [at, words] of times) {
      expect(words, path).toContain(new Date(at).toLocaleTimeString("en-GB", { timeZone: "Asia/Kathmandu" }));
    }
  }
});

test("user: a changed role and a removal take effect at once", async ({ server, openBrowser }) => {
  const first = await createAdministrator(server);
  const page = await openBrowser(first);
  const otto = await openBrowser(await createUser(server, first, "otto", "operator"));
  await otto.goto("/new/demo");
  await waitUntilLive(otto);
  await page.goto("/settings/users");
  await row(page, "Users", "otto").getByLabel("Role of otto").selectOption("viewer");
  await row(page, "Users", "otto").getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status").filter({ hasText: "otto is a viewer now" })).toBeVisible();
  await otto.getByRole("button", { name: "Start job" }).click();
  await expect(otto.getByRole("alert").first()).toContainText("needs the role operator");

  await otto.goto("/jobs");
  await waitUntilLive(otto);
  await row(page, "Users", "otto").getByLabel("More for otto").click();
  await row(page, "Users", "otto").getByRole("link", { name: "Remove" }).click();
  const question = page.getByRole("dialog", { name: "Remove otto?" });
  await question.getByRole("link", { name: "Cancel" }).click();
  await expect(question).toHaveCount(0);
  await row(page, "Users", "otto").getByRole("link", { name: "Remove" }).click();
  await question.getByRole("button", { name: "Remove" }).click();
  await expect(row(page, "Users", "otto")).toContainText("Removed");
  await expect(otto.locator(".link")).toHaveAttribute("data-link", "signed-out", { timeout: 15_000 });
  await otto.getByRole("link", { name: "Sign in" }).click();
  await signIn(otto, "otto");
  await expect(otto.getByRole("alert")).toHaveText("Name and password do not match.");
});
