// The door: the first administrator, signing in, and what becomes of pages that are open when a session ends.
import { type Page } from "@playwright/test";
import { check } from "./accessible.ts";
import { expect, live, Milepost, test as base } from "./milepost.ts";

const password = "seven green otters";

// A server of its own for each test: there is one first administrator.
const test = base.extend<{ house: Milepost }>({
  house: async ({}, use) => {
    const house = await new Milepost([], false, true).start();
    await use(house);
    await house.remove();
  },
  baseURL: async ({ house }, use) => use(house.url),
});

async function setUp(page: Page, house: Milepost) {
  await page.goto(house.setupLink);
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password").fill(password);
  await page.getByLabel("The same again").fill(password);
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
}

async function signIn(page: Page, typed = password) {
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password").fill(typed);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("the doorstep is accessible, and the keyboard begins where there is something to do", async ({ page, house }) => {
  await page.goto("/sign-in");
  await check(page, "nobody can sign in yet");
  await page.goto(house.setupLink);
  await expect(page.getByLabel("Name")).toBeFocused();
  await check(page, "setup");
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password").fill(password);
  await page.getByLabel("The same again").fill("another sentence");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByText("This is not the password above")).toBeVisible();
  await expect(page.getByLabel("Password")).toBeFocused();
  await check(page, "setup with a fault");
  await setUp(page, house);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Name")).toBeFocused();
  await check(page, "sign-in");
  await signIn(page, "not the password");
  await expect(page.getByRole("alert")).toBeFocused();
  await expect(page.getByRole("alert")).toContainText("do not match");
  await check(page, "sign-in with a fault");
});

test("a page whose session has ended says so, and leads back to itself through the door", async ({ page, context, house }) => {
  await setUp(page, house);
  await page.goto("/jobs?state=failed");
  await live(page);
  await expect(page.getByRole("link", { name: "Sign in" })).toBeHidden();
  const other = await context.newPage();
  await other.goto("/");
  await other.getByRole("button", { name: "Sign out" }).click();
  await other.waitForURL("**/sign-in");
  await page.bringToFront();
  await expect(page.locator(".link")).toHaveAttribute("data-link", "signed-out", { timeout: 30_000 });
  await expect(page.locator(".link")).toContainText("Signed out");
  await page.getByRole("link", { name: "Sign in" }).click();
  await signIn(page);
  await page.waitForURL("**/jobs?state=failed");
  await live(page);
});
