// The door: the first administrator, signing in, and what becomes of pages that are open when a session ends.
import { check } from "./accessible.ts";
import { choosePassword, expect, signIn, test } from "./house.ts";
import { live } from "./milepost.ts";
import { ada, password } from "./people.ts";

test("the doorstep is accessible, and the keyboard begins where there is something to do", async ({ page, house }) => {
  await page.goto("/sign-in");
  await check(page, "nobody can sign in yet");
  await page.goto(house.setupLink);
  await expect(page.getByLabel("Name")).toBeFocused();
  await check(page, "setup");
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel("Confirm password").fill("another sentence");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByText("The passwords do not match")).toBeVisible();
  await expect(page.getByLabel("Password", { exact: true })).toBeFocused();
  await check(page, "setup with a fault");
  await choosePassword(page, "Create account");
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Name")).toBeFocused();
  await check(page, "sign-in");
  await signIn(page, "ada", "not the password");
  await expect(page.getByRole("alert")).toBeFocused();
  await expect(page.getByRole("alert")).toContainText("do not match");
  await check(page, "sign-in with a fault");
});

test("a page whose session has ended says so, and leads back to itself through the door", async ({ house, visit }) => {
  const page = await visit(await ada(house));
  await page.goto("/jobs?state=failed");
  await live(page);
  await expect(page.getByRole("link", { name: "Sign in" })).toBeHidden();
  const other = await page.context().newPage();
  await other.goto("/");
  await other.getByRole("button", { name: "Sign out" }).click();
  await other.waitForURL("**/sign-in");
  await page.bringToFront();
  await expect(page.locator(".link")).toHaveAttribute("data-link", "signed-out", { timeout: 15_000 });
  await expect(page.locator(".link")).toContainText("Signed out");
  await page.getByRole("link", { name: "Sign in" }).click();
  await signIn(page, "ada");
  await page.waitForURL("**/jobs?state=failed");
  await live(page);
});
