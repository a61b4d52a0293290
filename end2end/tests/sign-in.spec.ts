// Sign-in and set-up pages, and pages that are open when their session ends.
import { checkAccessibility } from "./support/accessibility.ts";
import { choosePassword, expect, signIn, test } from "./support/server-with-accounts.ts";
import { waitUntilLive } from "./support/milepost.ts";
import { createAdministrator, password } from "./support/users.ts";

test("sign-in and set-up: pages are accessible and focus the first field", async ({ page, server }) => {
  await page.goto("/sign-in");
  await checkAccessibility(page, "sign-in before set-up");
  await page.goto(server.setupLink);
  await expect(page.getByLabel("Name")).toBeFocused();
  await checkAccessibility(page, "set-up");
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel("Confirm password").fill("another sentence");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByText("The passwords do not match")).toBeVisible();
  await expect(page.getByLabel("Password", { exact: true })).toBeFocused();
  await checkAccessibility(page, "set-up with an error");
  await choosePassword(page, "Create account");
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Name")).toBeFocused();
  await checkAccessibility(page, "sign-in");
  await signIn(page, "ada", "not the password");
  await expect(page.getByRole("alert")).toBeFocused();
  await expect(page.getByRole("alert")).toContainText("do not match");
  await checkAccessibility(page, "sign-in with an error");
});

test("ended session: an open page says so and returns after sign-in", async ({ server, openBrowser }) => {
  const page = await openBrowser(await createAdministrator(server));
  await page.goto("/jobs?state=failed");
  await waitUntilLive(page);
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
  await waitUntilLive(page);
});
