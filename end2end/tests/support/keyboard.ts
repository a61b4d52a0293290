// Keyboard navigation with Tab.
import { expect, type Locator, type Page } from "@playwright/test";

/** Presses Tab until `goal` has the focus. Every element on the way must be in view and show its focus ring. */
export async function tabTo(page: Page, goal: Locator) {
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press("Tab");
    const focus = await goal.evaluate((goal) => {
      const element = document.activeElement;
      if (!element || element === document.body) return undefined; // between the last element and the first
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      return {
        html: element.outerHTML.slice(0, 120),
        ring: outlineStyle !== "none" && parseFloat(outlineWidth) >= 1,
        inView: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
        there: element === goal,
      };
    });
    if (!focus) continue;
    expect(focus, `focus is visible on ${focus.html}`).toMatchObject({ ring: true, inView: true });
    if (focus.there) return;
  }
  throw new Error("Tab does not reach the element");
}
