// Accounts, with script: from the link that a new server prints to what each role is shown, and back out.
import { readFileSync } from "node:fs";
import { account, addUser, choosePassword, expect, expectForbidden, offers, row, signIn, test } from "./house.ts";
import { live, startJob, state, steps } from "./milepost.ts";
import { ada, add, password } from "./people.ts";

test("a stranger sets up the server and lets in a viewer and an operator, each with a link that works once", async ({ page, house, visit }) => {
  await page.goto(house.setupLink);
  await choosePassword(page, "Create account", "ada");
  await expect(page).toHaveURL(`${house.url}/`);
  await expect(account(page)).toContainText("Administrator");

  for (const [name, role, word] of [["vera", "viewer", "Viewer"], ["otto", "operator", "Operator"]] as const) {
    const link = await addUser(page, name, role);
    await expect(row(page, "Users", name)).toContainText("Invited");
    await page.reload();
    await expect(page.getByLabel("Link", { exact: true }), "it is told once").toHaveCount(0);

    const theirs = await visit();
    await theirs.goto(link);
    await expect(theirs.getByLabel("Name")).toHaveValue(name);
    await choosePassword(theirs, "Set password");
    await expect(theirs).toHaveURL(`${house.url}/`);
    await expect(account(theirs)).toContainText(name);
    await expect(account(theirs)).toContainText(word);
    await theirs.goto(link);
    await expect(theirs.getByRole("heading", { level: 1 })).toHaveText("Link expired or already used");
    await page.reload();
    await expect(row(page, "Users", name)).toContainText(/Active.*just now/);
  }
  const late = await visit();
  await late.goto(house.setupLink);
  await expect(late.getByRole("heading", { level: 1 })).toHaveText("Link expired or already used");
});

test("a viewer sees what happens, as it happens, and changes nothing", async ({ house, visit, program }) => {
  const first = await ada(house);
  const request = await program(first);
  const failed = await startJob(request, "demo", { seconds: 0, ending: "fail" });
  await expect.poll(async () => (await request.get(`/jobs/${failed}`)).text()).toContain("Failed");
  const running = await startJob(request, "demo", { seconds: 600 });

  const page = await visit(await add(house, first, "vera", "viewer"));
  for (const path of ["/", "/jobs", `/jobs/${failed}`, `/jobs/${running}`, "/queues"]) {
    expect((await page.goto(path))?.status(), path).toBe(200);
    await live(page);
    expect(await offers(page), path).toEqual([]);
  }
  await page.goto(`/jobs/${running}`);
  await live(page);
  const before = await steps(page);
  await expect.poll(() => steps(page), "it moves").toBeGreaterThan(before);

  const cancel = (id: number) => fetch("/api/cancel_job", { method: "POST", body: new URLSearchParams({ id: String(id) }) });
  expect(await page.evaluate(`(${cancel})(${running}).then((answer) => answer.status)`)).toBe(403);
  await request.post("/api/cancel_job", { form: { id: String(running) } });
  await expect(state(page)).toContainText("Cancelled");
  expect(await offers(page), "also when it comes to an end").toEqual([]);

  for (const path of ["/new", "/new/demo"]) await expectForbidden(page, path, "needs the role operator");
  for (const path of ["/settings/users", "/settings/tasks", "/settings/audit"]) {
    await expectForbidden(page, path, "needs the role administrator");
  }
});

test("an operator starts jobs, stops them and runs them again, and is told who decides about people", async ({ house, visit, program }) => {
  const first = await ada(house);
  const hers = await startJob(await program(first), "demo", { seconds: 600 });
  const page = await visit(await add(house, first, "otto", "operator"));
  await page.goto("/");
  await page.getByRole("link", { name: "New job" }).first().click();
  await page.getByRole("link", { name: "Demo", exact: true }).click();
  await live(page);
  await page.getByLabel("Seconds", { exact: true }).fill("600");
  await page.getByRole("button", { name: "Start job" }).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  await live(page);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(state(page)).toContainText("Cancelled");
  await expect(page.getByRole("link", { name: "Delete" })).toBeVisible();
  const before = page.url();
  await page.getByRole("button", { name: "Run again" }).click();
  await expect(page).not.toHaveURL(before);
  await live(page);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(state(page)).toContainText("Cancelled");

  await page.goto(`/jobs/${hers}`);
  await live(page);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(state(page)).toContainText("Cancelled");
  await expect(page.getByRole("button", { name: "Run again" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Delete" }), "of somebody else's job").toHaveCount(0);

  await page.goto("/queues");
  expect((await offers(page)).filter((action) => !action.startsWith("/new"))).toEqual([]);
  await expectForbidden(page, "/settings/users", "needs the role administrator");
});

test("a wrong password is no way in, and too many of them have to wait", async ({ page, house }) => {
  await ada(house);
  await page.goto("/sign-in");
  await signIn(page, "ada", "seven green adders");
  await expect(page.getByRole("alert")).toHaveText("Name and password do not match.");
  await expect(page.getByLabel("Name")).toHaveValue("ada");
  await expect(page.getByLabel("Password", { exact: true })).toHaveValue("");
  await signIn(page, "nobody", "seven green adders");
  await expect(page.getByRole("alert"), "whether there is such a name is not told").toHaveText("Name and password do not match.");

  // A slow machine takes longer to say no than the first waits are; they double.
  await expect(async () => {
    await signIn(page, "ada", "seven green adders");
    await expect(page.getByRole("alert")).toHaveText(/^Too many tries\. Wait \d+ s before the next one\.$/, { timeout: 1_000 });
  }).toPass({ intervals: [0] });
  await expect(page.getByLabel("Name")).toHaveValue("ada");
  await expect(async () => {
    await signIn(page, "ada");
    await expect(page).toHaveURL(`${house.url}/`, { timeout: 1_000 });
  }, "who has waited comes in").toPass();
});

test("a deep link leads through the door to where it points", async ({ page, house, program }) => {
  const first = await ada(house);
  const job = await startJob(await program(first), "demo", { seconds: 0 });
  await page.goto(`/jobs/${job}#L2`);
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await expect(page.getByRole("main")).not.toContainText("Demo");
  await signIn(page, "ada", "seven green adders");
  await signIn(page, "ada");
  await expect(page).toHaveURL(new RegExp(`/jobs/${job}(#L2)?$`));
  await page.goto("/sign-in?next=//example.com/");
  await expect(page, "never to another server").toHaveURL(`${house.url}/`);
});

test("after signing out, Back shows nothing of what was there", async ({ house, visit, program }) => {
  const first = await ada(house);
  const job = await startJob(await program(first), "demo", { seconds: 0 });
  const page = await visit(first);
  await page.goto(`/jobs/${job}`);
  await live(page);
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

test("signing out everywhere else ends the other browser, whose page says so and leads back to itself", async ({ house, visit, program }) => {
  const first = await ada(house);
  const job = await startJob(await program(first), "demo", { seconds: 600 });
  const other = await visit();
  await other.goto(`/jobs/${job}?line=1`);
  await signIn(other, "ada");
  await live(other);
  await expect(state(other)).toContainText("Running");

  const page = await visit(first);
  await page.goto("/settings");
  await expect(row(page, "Sessions", "Chrome on Linux")).toBeVisible();
  await page.getByRole("button", { name: "Sign out everywhere else" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Signed out 1 other session" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Sessions" }).locator("tbody tr")).toHaveCount(1);

  await expect(other.locator(".link")).toHaveAttribute("data-link", "signed-out", { timeout: 15_000 });
  await expect(other.locator(".link")).toContainText("Signed out");
  await other.getByRole("link", { name: "Sign in" }).click();
  await signIn(other, "ada");
  await expect(other).toHaveURL(`${house.url}/jobs/${job}?line=1`);
  await live(other);
});

test("a changed password counts at once, and ends the sessions that the old one began", async ({ house, visit }) => {
  const first = await ada(house);
  const other = await visit();
  await other.goto("/jobs");
  await signIn(other, "ada");
  await live(other);

  const page = await visit(first);
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
  await expect(other).toHaveURL(`${house.url}/jobs`);
});

test("a token is shown once, copied, good for what it may, and for nothing once it is revoked", async ({ house, visit }) => {
  const page = await visit(await ada(house));
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto("/settings");
  const form = page.getByRole("form", { name: "New token" });
  await form.getByLabel("Name").fill("nightly import");
  await form.getByLabel("Start").check();
  await form.getByRole("button", { name: "Create token" }).click();
  const shown = page.getByLabel("New token", { exact: true }).and(page.getByRole("textbox"));
  const token = await shown.inputValue();
  await live(page);
  await page.getByRole("button", { name: "Copy" }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(token);
  await page.goto("/settings");
  await expect(shown).toHaveCount(0);
  expect(await page.content()).not.toContain(token);
  await expect(row(page, "API tokens", "nightly import")).toContainText("Read, start");

  const use = async (path: string, form?: Record<string, string>) => {
    const body = form && new URLSearchParams(form);
    const method = body ? "POST" : "GET";
    return (await fetch(house.url + path, { method, body, headers: { authorization: `Bearer ${token}` } })).status;
  };
  expect(await use("/api/start_job", { kind: "demo", input: '{"seconds":0}' })).toBe(200);
  expect(await use("/jobs/1/log")).toBe(200);
  expect(await use("/api/add_user", { name: "eve", role: "administrator" })).toBe(403);
  await row(page, "API tokens", "nightly import").getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Token revoked" })).toBeVisible();
  await expect(row(page, "API tokens", "nightly import")).toHaveCount(0);
  expect(await use("/jobs/1/log")).toBe(401);
});

test("the audit log tells who did what, is filtered, and goes along as a file", async ({ page: stranger, house, visit, program }) => {
  const first = await ada(house);
  const otto = await add(house, first, "otto", "operator");
  const job = await startJob(await program(otto), "demo", { seconds: 0 });
  await stranger.goto("/sign-in");
  await signIn(stranger, "otto", "seven green adders");
  await expect(stranger.getByRole("alert")).toBeVisible();

  const page = await visit(first);
  await page.goto("/settings/audit");
  const lines = page.getByRole("region", { name: "Audit log" }).locator("tbody tr");
  for (const told of [
    "not signed in failed to sign in as “otto”",
    `otto with token tests started job #${job}`,
    "otto set a password by link",
    "ada added otto as operator",
    "ada created the token tests",
    "ada set up the server",
  ]) {
    const words = new RegExp(told.split(" ").join("\\s*"));
    await expect(lines.filter({ hasText: words }), told).toHaveCount(1);
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

test("the time zone that somebody chooses is that of all times they are shown", async ({ house, visit, program }) => {
  const first = await ada(house);
  const job = await startJob(await program(first), "demo", { seconds: 0 });
  const page = await visit(first);
  await page.goto("/settings");
  await page.getByRole("combobox", { name: "Time zone" }).selectOption("Asia/Kathmandu");
  await page.getByRole("form", { name: "Time zone" }).getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Asia/Kathmandu" })).toBeVisible();
  for (const path of ["/settings", `/jobs/${job}`, "/settings/audit"]) {
    await page.goto(path);
    await live(page);
    const times = await page.locator("main time[datetime]:visible").evaluateAll((times) =>
      times.map((time) => [time.getAttribute("datetime") ?? "", time.getAttribute("title") ?? time.textContent ?? ""] as const),
    );
    expect(times.length, path).toBeGreaterThan(0);
    for (const [at, words] of times) {
      expect(words, path).toContain(new Date(at).toLocaleTimeString("en-GB", { timeZone: "Asia/Kathmandu" }));
    }
  }
});

test("who is removed, or made less of, notices at once", async ({ house, visit }) => {
  const first = await ada(house);
  const page = await visit(first);
  const otto = await visit(await add(house, first, "otto", "operator"));
  await otto.goto("/new/demo");
  await live(otto);
  await page.goto("/settings/users");
  await row(page, "Users", "otto").getByLabel("Role of otto").selectOption("viewer");
  await row(page, "Users", "otto").getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status").filter({ hasText: "otto is a viewer now" })).toBeVisible();
  await otto.getByRole("button", { name: "Start job" }).click();
  await expect(otto.getByRole("alert").first()).toContainText("needs the role operator");

  await otto.goto("/jobs");
  await live(otto);
  await row(page, "Users", "otto").getByLabel("More for otto").click();
  await row(page, "Users", "otto").getByRole("link", { name: "Remove" }).click();
  const question = page.getByRole("dialog", { name: "Remove otto?" });
  await question.getByRole("link", { name: "Cancel" }).click();
  await expect(question).toHaveCount(0);
  await row(page, "Users", "otto").getByLabel("More for otto").click();
  await row(page, "Users", "otto").getByRole("link", { name: "Remove" }).click();
  await question.getByRole("button", { name: "Remove" }).click();
  await expect(row(page, "Users", "otto")).toContainText("Removed");
  await expect(otto.locator(".link")).toHaveAttribute("data-link", "signed-out", { timeout: 15_000 });
  await otto.getByRole("link", { name: "Sign in" }).click();
  await signIn(otto, "otto");
  await expect(otto.getByRole("alert")).toHaveText("Name and password do not match.");
});
