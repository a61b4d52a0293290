// Screenshots of every page: four widths, light and dark, with and without script. `make screenshots` runs it, `make test`
// does not. The pictures are in end2end/screenshots/WIDTH-SCHEME[-noscript]/.
import { join, resolve } from "node:path";
import { expect, type Page } from "@playwright/test";
import { everyPage, test, type Visit } from "./support/every-page.ts";
import { Milepost } from "./support/milepost.ts";
import { openAndSave } from "./support/offline.ts";

const folder = resolve(import.meta.dirname, "../screenshots");
const widths = [360, 768, 1280, 1600];

/** Whole pages as they are without animation. */
async function shoot(page: Page, variant: string, name: string) {
  await page.screenshot({ path: join(folder, variant, `${name}.png`), fullPage: true, animations: "disabled" });
}

for (const width of widths) {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const script of [true, false]) {
      const variant = `${width}-${colorScheme}${script ? "" : "-noscript"}`;
      test(variant, async ({ browser, content }) => {
        const options = { colorScheme, javaScriptEnabled: script, viewport: { width, height: 900 } };
        const open = async ({ server, user }: Pick<Visit, "server" | "user">) =>
          (await browser.newContext({ ...options, baseURL: server.url, storageState: user?.session })).newPage();
        for (const [group, visit] of Object.entries(everyPage(content))) {
          const page = await open(visit);
          for (const [name, path] of Object.entries(visit.pages)) {
            await page.goto(path);
            if (script && (await page.locator("leptos-island").count()) > 0) await page.locator("html[data-live=on]").waitFor();
            await shoot(page, variant, name);
          }
          if (group === "administrator") {
            await page.goto("/new/demo");
            await page.getByLabel("Seconds", { exact: true }).fill("soon");
            await page.getByRole("button", { name: "Start job" }).click();
            await expect(page.getByRole("alert")).toBeVisible();
            await shoot(page, variant, "new-job-errors");
          }
          if (group === "signedOut") {
            await page.goto("/sign-in");
            await page.getByLabel("Name").fill("ada");
            await page.getByLabel("Password", { exact: true }).fill("not the password");
            await page.getByRole("button", { name: "Sign in" }).click();
            await expect(page.getByRole("alert")).toBeVisible();
            await shoot(page, variant, "sign-in-errors");
          }
          await page.context().close();
        }
        if (script) {
          const lost = await new Milepost().start();
          const offline = await open({ server: lost });
          await openAndSave(offline, "/");
          await lost.kill();
          for (const [name, path] of [["offline-saved", "/"], ["offline-not-saved", "/queues"]] as const) {
            await offline.goto(path);
            await shoot(offline, variant, name);
          }
          await offline.context().close();
          await lost.remove();
        }
      });
    }
  }
}
