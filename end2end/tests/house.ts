// A server with accounts for each test alone: there is one first administrator, and who is thrown out is out.
import { type APIRequestContext, type Page } from "@playwright/test";
import { expect, Milepost, test as base } from "./milepost.ts";
import { inTheNameOf, password, type Person } from "./people.ts";

interface Housed {
  house: Milepost;
  /** The page of another browser, in which `person` has signed in, or nobody. */
  visit: (person?: Person) => Promise<Page>;
  /** What a program does in somebody's name. */
  program: (person: Person) => Promise<APIRequestContext>;
}

export const test = base.extend<Housed>({
  house: async ({}, use) => {
    const house = await new Milepost(["--cancel-grace", "2s"], false, true).start();
    await use(house);
    await house.remove();
  },
  baseURL: async ({ house }, use) => use(house.url),
  // In `page` authentication required.
  storageState: async ({}, use) => use(undefined),
  visit: async ({ browser, baseURL }, use) => {
    const visits: Page[] = [];
    await use(async (person) => {
      const page = await (await browser.newContext({ baseURL, storageState: person?.session })).newPage();
      visits.push(page);
      return page;
    });
    for (const page of visits) await page.context().close();
  },
  program: async ({ baseURL, playwright }, use) => {
    const programs: APIRequestContext[] = [];
    await use(async (person) => {
      const request = await playwright.request.newContext({ baseURL, ...inTheNameOf(person) });
      programs.push(request);
      return request;
    });
    for (const request of programs) await request.dispose();
  },
});

export { expect };

/** Chooses a password on the page that a link leads to; as `name`, where the link leaves that open. */
export async function choosePassword(page: Page, button: string, name?: string) {
  if (name) await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel("Confirm password").fill(password);
  await page.getByRole("button", { name: button }).click();
}

/** Fills in the page of signing in. */
export async function signIn(page: Page, name: string, typed = password) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(typed);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Who has signed in, in the column beside every page. */
export const account = (page: Page) => page.locator(".account");

/** The row of a person, a token or a session in a card of the settings. */
export const row = (page: Page, card: string, text: string) =>
  page.getByRole("region", { name: card, exact: true }).locator("tbody tr", { hasText: text });

/** Adds somebody on the page of users. Answers the link to send them. */
export async function addUser(page: Page, name: string, role: string): Promise<string> {
  await page.goto("/settings/users");
  const form = page.getByRole("form", { name: "Add a user" });
  await form.getByLabel("Name").fill(name);
  await form.getByLabel("Role").selectOption(role);
  await form.getByRole("button", { name: "Add" }).click();
  await expect(page.getByRole("status").filter({ hasText: `${name} was added` })).toBeVisible();
  return page.getByLabel("Link", { exact: true }).inputValue();
}

/** What a page offers to change, but what is everybody's own. */
export async function offers(page: Page): Promise<string[]> {
  const own = ["set_theme", "sign_out", "pin_job", "unpin_job"];
  const forms = await page.locator('form[action*="/api/"]').evaluateAll((forms) => forms.map((form) => form.getAttribute("action")));
  const starts = await page.locator('a[href^="/new"]').evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  return [...forms, ...starts].map((action) => String(action)).filter((action) => !own.some((name) => action === `/api/${name}`));
}

/** That a page says why it is not shown. */
export async function expectForbidden(page: Page, path: string, why: string) {
  expect((await page.goto(path))?.status(), path).toBe(403);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("No access");
  await expect(page.getByRole("main"), path).toContainText(why);
}
