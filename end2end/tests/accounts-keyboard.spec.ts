// Accounts by keyboard alone.
import { account, expect, test } from "./house.ts";
import { tabTo } from "./keyboard.ts";
import { ada, password } from "./people.ts";

test("somebody signs in and adds a user by keyboard alone", async ({ page, house }) => {
  await ada(house);
  await page.goto("/settings/users");
  await expect(page.getByLabel("Name"), "the keyboard begins where there is something to do").toBeFocused();
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
  await expect(form.getByRole("alert"), "what is wrong has the focus").toBeFocused();
  await tabTo(page, form.getByLabel("Name"));
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("grace");
  await tabTo(page, form.getByLabel("Role"));
  await page.keyboard.type("View");
  await expect(form.getByLabel("Role")).toHaveValue("viewer");
  await tabTo(page, form.getByRole("button", { name: "Add" }));
  await page.keyboard.press("Enter");
  const told = page.getByRole("status").filter({ hasText: "grace was added" });
  await expect(told, "the link is where one goes on").toBeFocused();
  await tabTo(page, page.getByLabel("Link", { exact: true }));

  await page.goto("/");
  await tabTo(page, account(page).getByRole("button", { name: "Sign out" }));
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Name")).toBeFocused();
});

test("somebody is removed by keyboard alone, after a question that keeps them at first", async ({ page, house, visit }) => {
  await page.close();
  const hers = await visit(await ada(house));
  await hers.goto("/settings/users");
  const form = hers.getByRole("form", { name: "Add a user" });
  await form.getByLabel("Name").fill("grace");
  await form.getByLabel("Name").press("Enter");
  await tabTo(hers, hers.getByLabel("More for grace"));
  await hers.keyboard.press("Enter");
  await tabTo(hers, hers.getByRole("link", { name: "Remove grace" }));
  await hers.keyboard.press("Enter");
  const question = hers.getByRole("dialog", { name: "Remove grace?" });
  await expect(question.getByRole("link", { name: "Cancel" })).toBeFocused();
  await tabTo(hers, question.getByRole("button", { name: "Remove grace" }));
  await hers.keyboard.press("Enter");
  await expect(hers.getByRole("row", { name: /grace/ })).toContainText("Removed");
});
