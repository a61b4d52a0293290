// Accounts by keyboard: sign-in, adding and removing a user.
import { account, expect, test } from "./support/server-with-accounts.ts";
import { tabTo } from "./support/keyboard.ts";
import { createAdministrator, password } from "./support/users.ts";

test("accounts by keyboard: an administrator signs in and adds a user", async ({ page, server }) => {
  await createAdministrator(server);
  await page.goto("/settings/users");
  await expect(page.getByLabel("Name"), "the first field has the focus").toBeFocused();
  await page.keyboard.type("ada");
  await tabTo(page, page.getByLabel("Password", { exact: true }));
  await page.keyboard.type("seven green adders");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toBeFocused();
  await tabTo(page, page.getByLabel("Password", { exact: true }));
  await page.keyboard.type(password);
  await tabTo(page, page.getByRole("button", { name: "Sign in" }));
  await page.keyboard.press("Enter");

  await expect(page).toHaveURL(/\/settings\/users$/);
  const form = page.getByRole("form", { name: "Add a user" });
  await tabTo(page, form.getByLabel("Name"));
  await page.keyboard.type("Grace Hopper");
  await page.keyboard.press("Enter");
  await expect(form.getByRole("alert"), "the errors have the focus").toBeFocused();
  await tabTo(page, form.getByLabel("Name"));
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("grace");
  await tabTo(page, form.getByLabel("Role"));
  await page.keyboard.type("View");
  await expect(form.getByLabel("Role")).toHaveValue("viewer");
  await tabTo(page, form.getByRole("button", { name: "Add" }));
  await page.keyboard.press("Enter");
  const result = page.getByRole("status").filter({ hasText: "grace was added" });
  await expect(result, "the result with the link has the focus").toBeFocused();
  await tabTo(page, page.getByLabel("Link", { exact: true }));

  await page.goto("/");
  await tabTo(page, account(page).getByRole("button", { name: "Sign out" }));
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Name")).toBeFocused();
});

test("accounts by keyboard: a user is removed after a confirmation that has Cancel focused", async ({ page, server, openBrowser }) => {
  await page.close();
  const adminPage = await openBrowser(await createAdministrator(server));
  await adminPage.goto("/settings/users");
  const form = adminPage.getByRole("form", { name: "Add a user" });
  await form.getByLabel("Name").fill("grace");
  await form.getByLabel("Name").press("Enter");
  await tabTo(adminPage, adminPage.getByLabel("More for grace"));
  await adminPage.keyboard.press("Enter");
  await tabTo(adminPage, adminPage.getByRole("link", { name: "Remove grace" }));
  await adminPage.keyboard.press("Enter");
  const confirmation = adminPage.getByRole("dialog", { name: "Remove grace?" });
  await expect(confirmation.getByRole("link", { name: "Cancel" })).toBeFocused();
  await tabTo(adminPage, confirmation.getByRole("button", { name: "Remove grace" }));
  await adminPage.keyboard.press("Enter");
  await expect(adminPage.getByRole("row", { name: /grace/ })).toContainText("Removed");
});
