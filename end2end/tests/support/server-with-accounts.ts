// A server with accounts for each test. It cannot be shared: there is one set-up link, and tests remove users and end sessions.
import { type APIRequestContext, type Page } from "@playwright/test";
import { expect, Milepost, test as base } from "./milepost.ts";
import { authorizedAs, password, type User } from "./users.ts";

interface AccountFixtures {
  server: Milepost;
  /** Opens a page in a new browser context, signed in as `user` or signed out. */
  openBrowser: (user?: User) => Promise<Page>;
  /** Returns an API client authorised with a token of `user`. */
  apiClient: (user: User) => Promise<APIRequestContext>;
}

export const test = base.extend<AccountFixtures>({
  server: async ({}, use) => {
    const server = await new Milepost(["--cancel-grace", "2s"], false, true).start();
    await use(server);
    await server.remove();
  },
  baseURL: async ({ server }, use) => use(server.url),
  // `page` is signed out.
  storageState: async ({}, use) => use(undefined),
  openBrowser: async ({ browser, baseURL }, use) => {
    const pages: Page[] = [];
    await use(async (user) => {
      const page = await (await browser.newContext({ baseURL, storageState: user?.session })).newPage();
      pages.push(page);
      return page;
    });
    for (const page of pages) await page.context().close();
  },
  apiClient: async ({ baseURL, playwright }, use) => {
    const clients: APIRequestContext[] = [];
    await use(async (user) => {
      const request = await playwright.request.newContext({ baseURL, ...authorizedAs(user) });
      clients.push(request);
      return request;
    });
    for (const request of clients) await request.dispose();
  },
});

export { expect };

/** Chooses a password on the page of a set-up link, and a name where the link does not set one. */
export async function choosePassword(page: Page, button: string, name?: string) {
  if (name) await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel("Confirm password").fill(password);
  await page.getByRole("button", { name: button }).click();
}

/** Fills in and submits the sign-in form. */
export async function signIn(page: Page, name: string, typed = password) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(typed);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** The signed-in user in the sidebar. */
export const account = (page: Page) => page.locator(".account");

/** The row of a user, token or session in a card of the settings. */
export const row = (page: Page, card: string, text: string) =>
  page.getByRole("region", { name: card, exact: true }).locator("tbody tr", { hasText: text });

/** Adds a user on the users page. Returns the link for them. */
export async function addUser(page: Page, name: string, role: string): Promise<string> {
  await page.goto("/settings/users");
  const form = page.getByRole("form", { name: "Add a user" });
  await form.getByLabel("Name").fill(name);
  await form.getByLabel("Role").selectOption(role);
  await form.getByRole("button", { name: "Add" }).click();
  await expect(page.getByRole("status").filter({ hasText: `${name} was added` })).toBeVisible();
  return page.getByLabel("Link", { exact: true }).inputValue();
}

/** Actions that a page offers, except those that every user has. */
export async function offeredActions(page: Page): Promise<string[]> {
  const own = ["set_theme", "sign_out", "pin_job", "unpin_job"];
  const forms = await page.locator('form[action*="/api/"]').evaluateAll((forms) => forms.map((form) => form.getAttribute("action")));
  const starts = await page.locator('a[href^="/new"]').evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  return [...forms, ...starts].map((action) => String(action)).filter((action) => !own.some((name) => action === `/api/${name}`));
}

/** Checks that a page is forbidden and says why. */
export async function expectForbidden(page: Page, path: string, why: string) {
  expect((await page.goto(path))?.status(), path).toBe(403);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("No access");
  await expect(page.getByRole("main"), path).toContainText(why);
}
