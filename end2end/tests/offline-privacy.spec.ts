// Privacy of offline pages: saved pages belong to one session and are deleted with it.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type Page } from "@playwright/test";
import { banner, expectBanner, expectOfflinePage, openAndSave, savedPages } from "./support/offline.ts";
import { expect, signIn, test } from "./support/server-with-accounts.ts";
import { binary, waitUntilLive } from "./support/milepost.ts";
import { createAdministrator, createUser } from "./support/users.ts";

/** Signs in and opens both pages that are saved. */
async function signInAndSavePages(page: Page, name: string) {
  await page.goto("/sign-in");
  await signIn(page, name);
  await expect(page.locator(".account")).toBeVisible();
  await openAndSave(page, "/");
  await openAndSave(page, "/jobs");
}

/** Checks that no saved page is shown while the server is unreachable. */
async function expectNoSavedPages(page: Page) {
  for (const path of ["/", "/jobs"]) {
    await page.goto(path);
    await expectOfflinePage(page);
    await expect(page.locator(".copies a")).toHaveCount(0);
  }
}

test("sign-out: deletes the saved pages", async ({ page, server }) => {
  await createAdministrator(server);
  await signInAndSavePages(page, "ada");
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
  expect(await savedPages(page)).toEqual([]);
  await server.kill();
  await expectNoSavedPages(page);
});

test("next user: sees no saved pages of the previous user", async ({ page, server }) => {
  const first = await createAdministrator(server);
  const bob = await createUser(server, first, "bob", "viewer");
  await signInAndSavePages(page, "ada");
  // Without signing out, on a page that is not saved itself.
  await page.context().clearCookies();
  await page.context().addCookies(bob.session.cookies);
  await page.goto("/queues");
  await expect.poll(() => savedPages(page)).toEqual([]);
  await openAndSave(page, "/");
  await server.kill();
  await page.goto("/");
  await expect(page.locator(".account")).toContainText("bob");
  await page.goto("/jobs");
  await expectOfflinePage(page);
});

test("ended session: an open page deletes the saved pages", async ({ page, server, openBrowser }) => {
  const first = await createAdministrator(server);
  await signInAndSavePages(page, "ada");
  await waitUntilLive(page);
  const elsewhere = await openBrowser(first);
  await elsewhere.goto("/settings");
  await elsewhere.getByRole("link", { name: "Sign out everywhere else" }).click();
  await elsewhere.getByRole("dialog").getByRole("button", { name: "Sign out everywhere else" }).click();
  await expect(page.locator(".link")).toHaveAttribute("data-link", "signed-out", { timeout: 30_000 });
  await expect.poll(() => savedPages(page)).toEqual([]);
});

test("sign-out while offline: is reported as not sent and deletes the saved pages", async ({ page, server }) => {
  await createAdministrator(server);
  await signInAndSavePages(page, "ada");
  await server.kill();
  await page.goto("/");
  await expect(page.locator(".link")).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expectBanner(page, "Not sent");
  await expect.poll(() => savedPages(page)).toEqual([]);
  await server.start();
  await waitUntilLive(page);
  await expect(banner(page)).toBeHidden();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
});

test("ended session: a saved page leads to sign-in when the server is back", async ({ page, server }) => {
  await createAdministrator(server);
  await signInAndSavePages(page, "ada");
  await server.kill();
  await page.goto("/");
  await expectBanner(page, "saved copy");
  const ended = spawnSync(binary, ["user", "sign-out", "ada", "--data-dir", join(server.home, "data")], { encoding: "utf8" });
  expect(ended.status, ended.stderr).toBe(0);
  await server.start();
  await expect(page).toHaveURL(/\/sign-in\?next=%2F$/, { timeout: 40_000 });
  expect(await savedPages(page)).toEqual([]);
});

test("form while offline: is not sent and keeps its input", async ({ page, server }) => {
  await createAdministrator(server);
  await page.goto("/sign-in");
  await signIn(page, "ada");
  await page.goto("/settings");
  await waitUntilLive(page);
  const zone = page.getByRole("combobox", { name: "Time zone" });
  await zone.selectOption("Asia/Tokyo");
  await server.kill();
  await expectBanner(page, "Connection lost at");
  const form = page.locator("form", { has: zone });
  await form.getByRole("button").click();
  await expectBanner(page, "Not sent");
  await expect(zone).toHaveValue("Asia/Tokyo");
  await server.start();
  // The page may not have noticed yet that the server is back.
  await expect(async () => {
    await form.getByRole("button").click();
    await expect(page.locator("html")).toHaveAttribute("data-zone", "Asia/Tokyo", { timeout: 2_000 });
  }).toPass();
});
