// Users of a server under test, created through the API: less than a second each, without a browser.
import { type APIRequestContext, expect, request } from "@playwright/test";
import type { Milepost } from "./milepost.ts";

export type Role = "viewer" | "operator" | "administrator";

/** The password of every user. */
export const password = "seven green otters";

export interface User {
  name: string;
  /** Cookies of a signed-in browser. */
  session: Awaited<ReturnType<APIRequestContext["storageState"]>>;
  /** API token with the scopes read and start. */
  token: string;
}

/** Creates the first administrator with the set-up link of the server. */
export function createAdministrator(milepost: Milepost): Promise<User> {
  return acceptLink(milepost.setupLink, "ada");
}

/** Creates a user: `by` adds them and they choose a password. */
export async function createUser(milepost: Milepost, by: User, name: string, role: Role): Promise<User> {
  const context = await request.newContext({ baseURL: milepost.url, storageState: by.session });
  const { secret } = await callApi(context, "add_user", { name, role });
  await context.dispose();
  return acceptLink(secret, name);
}

/** Overrides the session of the test's page, which a request context has otherwise. */
const signedOut = { cookies: [], origins: [] };

/** Options of a request context that is authorised as `user`. */
export function authorizedAs(user: User) {
  return { storageState: signedOut, extraHTTPHeaders: { authorization: `Bearer ${user.token}` } };
}

/** Accepts a link and creates a token. */
async function acceptLink(link: string, name: string): Promise<User> {
  const { origin, searchParams } = new URL(link);
  const context = await request.newContext({ baseURL: origin, storageState: signedOut });
  await callApi(context, "set_up", { link: searchParams.get("link") ?? "", name, password });
  const { secret: token } = await callApi(context, "make_token", { name: "tests", read: "true", start: "true", expires: "30" });
  const session = await context.storageState();
  await context.dispose();
  return { name, session, token };
}

async function callApi(context: APIRequestContext, name: string, form: Record<string, string>): Promise<{ secret: string }> {
  // The header marks the request as sent by a page of this server (CSRF check).
  const response = await context.post(`/api/${name}`, { form, headers: { "sec-fetch-site": "same-origin" } });
  expect(response.status(), await response.text()).toBe(200);
  return response.json();
}
