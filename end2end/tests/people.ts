// People with accounts on a server under test, made as pages make them, but without a browser: that takes less than a second.
import { type APIRequestContext, expect, request } from "@playwright/test";
import type { Milepost } from "./milepost.ts";

export type Role = "viewer" | "operator" | "administrator";

/** Everybody's. */
export const password = "seven green otters";

/** Somebody with an account. */
export interface Person {
  name: string;
  /** Cookies of a browser that they have signed in with. */
  session: Awaited<ReturnType<APIRequestContext["storageState"]>>;
  /** Of an API token of theirs that may read and start. */
  token: string;
}

/** The first administrator, made with the link that the server has printed. */
export function ada(milepost: Milepost): Promise<Person> {
  return enter(milepost.setupLink, "ada");
}

/** Somebody whom `by` adds and who has chosen a password. */
export async function add(milepost: Milepost, by: Person, name: string, role: Role): Promise<Person> {
  const context = await request.newContext({ baseURL: milepost.url, storageState: by.session });
  const { secret } = await call(context, "add_user", { name, role });
  await context.dispose();
  return enter(secret, name);
}

/** Without it a context of requests would have the session of the test's page. */
const nobody = { cookies: [], origins: [] };

/** What a context of requests needs to work in somebody's name. */
export function inTheNameOf(person: Person) {
  return { storageState: nobody, extraHTTPHeaders: { authorization: `Bearer ${person.token}` } };
}

/** Uses a link, and makes a token. */
async function enter(link: string, name: string): Promise<Person> {
  const { origin, searchParams } = new URL(link);
  const context = await request.newContext({ baseURL: origin, storageState: nobody });
  await call(context, "set_up", { link: searchParams.get("link") ?? "", name, password });
  const { secret: token } = await call(context, "make_token", { name: "tests", read: "true", start: "true", expires: "30" });
  const session = await context.storageState();
  await context.dispose();
  return { name, session, token };
}

async function call(context: APIRequestContext, what: string, form: Record<string, string>): Promise<{ secret: string }> {
  // Without it nothing tells that a page has sent this.
  const answer = await context.post(`/api/${what}`, { form, headers: { "sec-fetch-site": "same-origin" } });
  expect(answer.status(), await answer.text()).toBe(200);
  return answer.json();
}
