// What a browser keeps for when the server is away is one session's alone, and goes with it.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type Page } from "@playwright/test";
import { banner, copiesIn, expectAway, expectBanner, look } from "./away.ts";
import { expect, signIn, test } from "./house.ts";
import { binary, live } from "./milepost.ts";
import { ada, add } from "./people.ts";

/** Signs in, and looks at both pages that are kept. */
async function enter(page: Page, name: string) {
  await page.goto("/sign-in");
  await signIn(page, name);
  await expect(page.locator(".account")).toBeVisible();
  await look(page, "/");
  await look(page, "/jobs");
}

/** That nobody sees anything of anybody now that the server is away. */
async function expectNothing(page: Page) {
  for (const path of ["/", "/jobs"]) {
    await page.goto(path);
    await expectAway(page);
    await expect(page.locator(".copies a")).toHaveCount(0);
  }
}

test("whoever signs out leaves nothing behind", async ({ page, house }) => {
  await ada(house);
  await enter(page, "ada");
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
  expect(await copiesIn(page)).toEqual([]);
  await house.kill();
  await expectNothing(page);
});

test("whoever comes next sees nothing of who was there before", async ({ page, house }) => {
  const first = await ada(house);
  const bob = await add(house, first, "bob", "viewer");
  await enter(page, "ada");
  // Without signing out, and by a page that is not kept itself.
  await page.context().clearCookies();
  await page.context().addCookies(bob.session.cookies);
  await page.goto("/queues");
  await expect.poll(() => copiesIn(page)).toEqual([]);
  await look(page, "/");
  await house.kill();
  await page.goto("/");
  await expect(page.locator(".account")).toContainText("bob");
  await page.goto("/jobs");
  await expectAway(page);
});

test("an open page whose session is ended elsewhere forgets what is kept", async ({ page, house, visit }) => {
  const first = await ada(house);
  await enter(page, "ada");
  await live(page);
  const elsewhere = await visit(first);
  await elsewhere.goto("/settings");
  await elsewhere.getByRole("button", { name: "Sign out everywhere else" }).click();
  await expect(page.locator(".link")).toHaveAttribute("data-link", "signed-out", { timeout: 30_000 });
  await expect.poll(() => copiesIn(page)).toEqual([]);
});

test("signing out while the server is away is not pretended, and leaves nothing behind", async ({ page, house }) => {
  await ada(house);
  await enter(page, "ada");
  await house.kill();
  await page.goto("/");
  await expect(page.locator(".link")).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expectBanner(page, "Not sent");
  await expect.poll(() => copiesIn(page)).toEqual([]);
  await house.start();
  await live(page);
  await expect(banner(page)).toBeHidden();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
});

test("a kept page whose session has ended meanwhile leads to the door", async ({ page, house }) => {
  await ada(house);
  await enter(page, "ada");
  await house.kill();
  await page.goto("/");
  await expectBanner(page, "saved copy");
  const ended = spawnSync(binary, ["user", "sign-out", "ada", "--data-dir", join(house.home, "data")], { encoding: "utf8" });
  expect(ended.status, ended.stderr).toBe(0);
  await house.start();
  await expect(page).toHaveURL(/\/sign-in\?next=%2F$/, { timeout: 40_000 });
  expect(await copiesIn(page)).toEqual([]);
});

test("a form that the browser sends by itself waits for the server, with what was typed", async ({ page, house }) => {
  await ada(house);
  await page.goto("/sign-in");
  await signIn(page, "ada");
  await page.goto("/settings");
  await live(page);
  const zone = page.getByRole("combobox", { name: "Time zone" });
  await zone.selectOption("Asia/Tokyo");
  await house.kill();
  await expectBanner(page, "Connection lost at");
  const form = page.locator("form", { has: zone });
  await form.getByRole("button").click();
  await expectBanner(page, "Not sent");
  await expect(zone).toHaveValue("Asia/Tokyo");
  await house.start();
  // Whether or not the page has noticed yet that the server is back.
  await expect(async () => {
    await form.getByRole("button").click();
    await expect(page.locator("html")).toHaveAttribute("data-zone", "Asia/Tokyo", { timeout: 2_000 });
  }).toPass();
});
