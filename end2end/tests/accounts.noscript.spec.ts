// Accounts in a browser without script: forms post, and their answers say what came of them.
import { addUser, account, choosePassword, expect, expectForbidden, offers, row, signIn, test } from "./house.ts";
import { startJob, state } from "./milepost.ts";
import { ada, add, password } from "./people.ts";

test("a stranger sets up the server and lets an operator in, who starts and cancels a job", async ({ page, house, visit }) => {
  await page.goto(house.setupLink);
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel("Confirm password").fill("another sentence");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByLabel("Confirm password")).toHaveAccessibleDescription(/The passwords do not match/);
  await expect(page.getByLabel("Name"), "what was typed stays").toHaveValue("ada");
  await choosePassword(page, "Create account");
  await expect(account(page)).toContainText("Administrator");

  const link = await addUser(page, "otto", "operator");
  const otto = await visit();
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

test("what is wrong with a new user is said beside the field, and what was typed stays", async ({ house, visit }) => {
  const page = await visit(await ada(house));
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

test("a viewer follows a running job, whose page refreshes itself, and is offered nothing", async ({ house, visit, program }) => {
  const first = await ada(house);
  const request = await program(first);
  const job = await startJob(request, "demo", { seconds: 600 });
  const page = await visit(await add(house, first, "vera", "viewer"));
  for (const path of ["/", "/jobs", `/jobs/${job}`, "/queues"]) {
    expect((await page.goto(path))?.status(), path).toBe(200);
    expect(await offers(page), path).toEqual([]);
  }
  await page.goto(`/jobs/${job}`);
  await expect(state(page)).toContainText(/Queued|Running/);
  await request.post("/api/cancel_job", { form: { id: String(job) } });
  await expect(state(page)).toContainText("Cancelled");
  expect(await offers(page)).toEqual([]);
  await expectForbidden(page, "/new", "needs the role operator");
});

test("a deep link leads through the door, past a wrong password, to where it points", async ({ page, house, program }) => {
  const first = await ada(house);
  const job = await startJob(await program(first), "demo", { seconds: 0 });
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

test("signing out everywhere else, and a changed password, end the other browser", async ({ house, visit }) => {
  const page = await visit(await ada(house));
  const other = await visit();
  const signedIn = async (typed: string) => {
    await other.goto("/settings");
    await signIn(other, "ada", typed);
    await expect(account(other)).toBeVisible();
  };
  await signedIn(password);
  await page.goto("/settings");
  await page.getByRole("button", { name: "Sign out everywhere else" }).click();
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

test("a token is shown in the answer alone, not by a reload, and is revoked", async ({ house, visit }) => {
  const page = await visit(await ada(house));
  await page.goto("/settings");
  const form = page.getByRole("form", { name: "New token" });
  await form.getByRole("button", { name: "Create token" }).click();
  await expect(form.getByRole("alert")).toBeFocused();
  await form.getByLabel("Name").fill("nightly import");
  await form.getByRole("button", { name: "Create token" }).click();
  const token = await page.getByLabel("New token", { exact: true }).and(page.getByRole("textbox")).inputValue();
  const use = async () => (await fetch(`${house.url}/jobs`, { headers: { authorization: `Bearer ${token}` } })).status;
  expect(await use()).toBe(200);
  await page.goto(page.url());
  await expect(page).toHaveURL(/\/settings$/);
  expect(await page.content()).not.toContain(token);
  await row(page, "API tokens", "nightly import").getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByRole("status")).toContainText("Token revoked");
  expect(await use()).toBe(401);
});

test("the audit log is filtered by its address, and times are those of the zone that was chosen", async ({ house, visit }) => {
  const page = await visit(await ada(house));
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
