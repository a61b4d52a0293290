// Accessibility check of a page: no axe violations in light, dark and at 360 px, and no horizontal scrolling.
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

/** The rules that look at colors. All else is the same in dark. */
const colorRules = ["color-contrast", "link-in-text-block"];

export async function checkAccessibility(page: Page, where: string) {
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  expect(await violations(page), `${where}, light`).toEqual([]);
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  expect(await violations(page, colorRules), `${where}, dark`).toEqual([]);
  await page.setViewportSize({ width: 360, height: 740 });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width, `${where} is wider than a phone`).toBeLessThanOrEqual(360);
  expect(await violations(page), `${where}, 360 px`).toEqual([]);
}

/** Legacy mode runs axe in the page itself. A page of its own, which axe opens otherwise, takes a second and matters for frames only. */
async function violations(page: Page, rules?: string[]) {
  const axe = new AxeBuilder({ page }).setLegacyMode();
  const { violations } = await (rules ? axe.withRules(rules) : axe).analyze();
  return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join("\n")}`);
}
