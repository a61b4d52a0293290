// What holds for every page: no violation axe can find in either scheme or on a phone, and nothing wider than the screen.
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

/** Rules that see colours; the others find in the dark what they find in the light. */
const COLOURS = ["color-contrast", "link-in-text-block"];

export async function check(page: Page, where: string) {
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  expect(await violations(axe(page)), `${where}, light`).toEqual([]);
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  expect(await violations(axe(page).withRules(COLOURS)), `${where}, dark`).toEqual([]);
  await page.setViewportSize({ width: 360, height: 740 });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width, `${where} is wider than a phone`).toBeLessThanOrEqual(360);
  expect(await violations(axe(page)), `${where}, 360 px`).toEqual([]);
}

/** In the page itself: without frames of other origins it needs no page of its own to gather what it found, which takes a second. */
function axe(page: Page) {
  return new AxeBuilder({ page }).setLegacyMode();
}

async function violations(axe: AxeBuilder) {
  const { violations } = await axe.analyze();
  return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join("\n")}`);
}
