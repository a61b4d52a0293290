// Accounts without script: forms post, and the response reports the result.
import { account, addUser, choosePassword, expect, expectForbidden, offeredActions, row, signIn, test } from "./support/server-with-accounts.ts";
import { startJob, state } from "./support/milepost.ts";
import { createAdministrator, createUser, password } from "./support/users.ts";

test("set-up: first administrator adds an operator, who starts and cancels a job", async ({ page, server, openBrowser }) => {
  await page.goto(server.setupLink);
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel("Confirm password").fill("another sentence");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByLabel("Confirm password")).toHaveAccessibleDescription(/The passwords do not match/);
  await expect(page.getByLabel("Name"), "input is kept").toHaveValue("ada");
  await choosePassword(page, "Create account");
  await expect(account(page)).toContainText("Administrator");

  const link = await addUser(page, "otto", "operator");
  const otto = await openBrowser();
  await otto.goto(link);
  await choosePassword(otto, "Set password");
  await expect(account(otto)).toContainText("Operator");
  await otto.goto("/new/demo");
  await otto.getByLabel("Seconds", { exact: true }).fill("600");
  await otto.getByRole("button", { name: "Start job" }).click();
  await expect(otto).toHaveURL(/\/jobs\/\d+$/);
  await otto.getByRole("button", { name: "Cancel" }).click();
  await expect(state(otto)).toContainText("Cancelled");
  await expectForbidden(otto, "/settings/users", "needs the role administrator");
});

test("new user form: errors appear next to the fields and input is kept", async ({ server, openBrowser }) => {
  const page = await openBrowser(await createAdministrator(server));
  await page.goto("/settings/users");
  const form = page.getByRole("form", { name: "Add a user" });
  await form.getByLabel("Name").fill("Grace Hopper");
  await form.getByLabel("Role").selectOption("viewer");
  await form.getByRole("button", { name: "Add" }).click();
  await expect(form.getByRole("alert")).toBeFocused();
  await expect(form.getByLabel("Name")).toHaveAttribute("aria-invalid", "true");
  await expect(form.getByLabel("Name")).toHaveAccessibleDescription(/cannot contain ' '/);
  await expect(form.getByLabel("Name")).toHaveValue("Grace Hopper");
  await expect(form.getByLabel("Role")).toHaveValue("viewer");
  await form.getByLabel("Name").fill("grace");
  await form.getByRole("button", { name: "Add" }).click();
  await expect(page.getByRole("status").filter({ hasText: "grace was added" })).toBeVisible();
  await addUser(page, "otto", "operator");
  await form.getByLabel("Name").fill("otto");
  await form.getByRole("button", { name: "Add" }).click();
  await expect(form.getByRole("alert")).toContainText("otto");
});

test("viewer: sees a running job refresh itself and is offered no actions", async ({ server, openBrowser, apiClient }) => {
  const first = await createAdministrator(server);
  const request = await apiClient(first);
  const job = await startJob(request, "demo", { seconds: 600 });
  const page = await openBrowser(await createUser(server, first, "vera", "viewer"));
  for (const path of ["/", "/jobs", `/jobs/${job}`, "/queues"]) {
    expect((await page.goto(path))?.status(), path).toBe(200);
    expect(await offeredActions(page), path).toEqual([]);
  }
  await page.goto(`/jobs/${job}`);
  await expect(state(page)).toContainText(/Queued|Running/);
  await request.post("/api/cancel_job", { form: { id: String(job) } });
  await expect(state(page)).toContainText("Cancelled");
  expect(await offeredActions(page)).toEqual([]);
  await expectForbidden(page, "/new", "needs the role operator");
});

test("deep link: opens after a wrong and a right password", async ({ page, server, apiClient }) => {
  const first = await createAdministrator(server);
  const job = await startJob(await apiClient(first), "demo", { seconds: 0 });
  await page.goto(`/jobs/${job}`);
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await signIn(page, "ada", "seven green adders");
  await expect(page.getByRole("alert")).toHaveText("Name and password do not match.");
  await expect(page.getByLabel("Name")).toHaveValue("ada");
  await signIn(page, "ada");
  await expect(page).toHaveURL(new RegExp(`/jobs/${job}$`));
  await account(page).getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
  await page.goBack();
  await expect(page.locator(".sidebar")).toHaveCount(0);
});

test("sessions: signing out elsewhere and a new password end the other session", async ({ server, openBrowser }) => {
  const page = await openBrowser(await createAdministrator(server));
  const other = await openBrowser();
  const signedIn = async (typed: string) => {
    await other.goto("/settings");
    await signIn(other, "ada", typed);
    await expect(account(other)).toBeVisible();
  };
  await signedIn(password);
  await page.goto("/settings");
  await page.getByRole("link", { name: "Sign out everywhere else" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Sign out everywhere else" }).click();
  await expect(page.getByRole("status")).toContainText("Signed out 1 other session");
  await signedIn(password);

  const form = page.getByRole("form", { name: "Password" });
  await form.getByLabel("Current password").fill("seven green adders");
  await form.getByLabel("New password").fill("eight blue herons");
  await form.getByLabel("Confirm password").fill("eight blue herons");
  await form.getByRole("button", { name: "Change password" }).click();
  await expect(form.getByRole("alert")).toBeFocused();
  await form.getByLabel("Current password").fill(password);
  await form.getByLabel("New password").fill("eight blue herons");
  await form.getByLabel("Confirm password").fill("eight blue herons");
  await form.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByRole("status")).toContainText("Password changed");
  await signedIn("eight blue herons");
});

test("API token: is shown once, not after a reload, and can be revoked", async ({ server, openBrowser }) => {
  const page = await openBrowser(await createAdministrator(server));
  await page.goto("/settings");
  const form = page.getByRole("form", { name: "New token" });
  await form.getByRole("button", { name: "Create token" }).click();
  await expect(form.getByRole("alert")).toBeFocused();
  await form.getByLabel("Name").fill("nightly import");
  await form.getByRole("button", { name: "Create token" }).click();
  const token = await page.getByLabel("New token", { exact: true }).and(page.getByRole("textbox")).inputValue();
  const use = async () => (await fetch(`${server.url}/jobs`, { headers: { authorization: `Bearer ${token}` } })).status;
  expect(await use()).toBe(200);
  await expect(page, "a reload sends nothing again").toHaveURL(/\/settings\?form=/);
  await page.reload();
  expect(await page.content()).not.toContain(token);
  await row(page, "API tokens", "nightly import").getByRole("link", { name: "Revoke" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByRole("status")).toContainText("Token revoked");
  expect(await use()).toBe(401);
});

test("audit log: is filtered by its address and uses the chosen time zone", async ({ server, openBrowser }) => {
  const page = await openBrowser(await createAdministrator(server));
  await page.goto("/settings");
  await page.getByRole("combobox", { name: "Time zone" }).selectOption("Asia/Kathmandu");
  await page.getByRole("form", { name: "Time zone" }).getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status")).toContainText("Asia/Kathmandu");
  await page.goto("/settings/audit");
  await page.getByLabel("What", { exact: true }).selectOption("Set up the server");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page).toHaveURL(/what=set_up/);
  const line = page.getByRole("region", { name: "Audit log" }).locator("tbody tr");
  await expect(line).toHaveCount(1);
  const time = line.locator("time");
  const at = new Date((await time.getAttribute("datetime")) ?? "");
  await expect(time).toHaveAttribute("title", new RegExp(at.toLocaleTimeString("en-GB", { timeZone: "Asia/Kathmandu" })));
});
