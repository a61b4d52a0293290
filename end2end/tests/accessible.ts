// What holds for every page: no violation axe can find in either scheme or on a phone, and nothing wider than the screen.
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

export async function check(page: Page, where: string) {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    expect(await violations(page), `${where}, ${colorScheme}`).toEqual([]);
  }
  await page.setViewportSize({ width: 360, height: 740 });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width, `${where} is wider than a phone`).toBeLessThanOrEqual(360);
  expect(await violations(page), `${where}, 360 px`).toEqual([]);
}

/** Gathered in the page itself: where there are no frames, a page of axe's own, which takes a second, finds no more. */
async function violations(page: Page) {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
  return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join("\n")}`);
}
