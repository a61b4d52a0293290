// Slack: no row of buttons wraps and no words are cut with a system font that is wider than ours, nor at 768 px.
import { type Page } from "@playwright/test";
import { everyPage, test } from "./support/every-page.ts";
import { expect, waitUntilLive } from "./support/milepost.ts";

/** About 12 % wider: a letter is half an em on average. */
const WIDER = "* { letter-spacing: 0.06em !important; }";
/** Texts of users and tasks, which end with an ellipsis where there is no room: titles, names of files, results. */
const FREE_TEXT = ".job > a, .going small, .why, .line, .log, pre, code, .crumbs li, .attention p, .details dd, .watching a *, .message";

/** Returns what does not fit on the page. */
function misfits(page: Page): Promise<string[]> {
  return page.evaluate((freeText) => {
    const found: string[] = [];
    const name = (element: Element) => `${element.tagName.toLowerCase()}.${element.className} “${(element.textContent ?? "").trim().slice(0, 40)}”`;
    const visible = (element: Element) => element.checkVisibility({ visibilityProperty: true }) && element.getBoundingClientRect().width > 1;
    if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} px wide`);
    for (const row of document.querySelectorAll(".actions:not(.more > *), .button-group, .job-actions, .do form")) {
      const inRow = (button: Element) => visible(button) && button.closest("dialog") === row.closest("dialog");
      const buttons = [...row.querySelectorAll(".button")].filter(inRow).map((button) => button.getBoundingClientRect());
      if (buttons.some((button) => button.top > buttons[0]!.bottom - 2)) found.push(`wrapped: ${name(row)}`);
    }
    for (const button of document.querySelectorAll(".button")) {
      if (visible(button) && button.getBoundingClientRect().height > 44) found.push(`two lines: ${name(button)}`);
    }
    const ruler = document.createElement("span");
    document.body.append(ruler);
    for (const select of document.querySelectorAll("select")) {
      if (!visible(select)) continue;
      const style = getComputedStyle(select);
      ruler.style.cssText = `position: absolute; white-space: pre; font: ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
      const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      for (const option of select.options) {
        ruler.textContent = option.text;
        if (ruler.getBoundingClientRect().width > room + 1 && !select.matches("[name=time_zone], [name='$zone']")) found.push(`cut: ${option.text} in ${select.name}`);
      }
    }
    ruler.remove();
    for (const element of document.querySelectorAll("body *:not(svg *, option, select)")) {
      const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent!.trim());
      if (!hasText || !visible(element) || element.closest(`.visually-hidden, ${freeText}`)) continue;
      for (let box: Element | null = element; box && box !== document.body; box = box.parentElement) {
        const clips = getComputedStyle(box).overflowX;
        if (clips === "visible" || clips === "auto" || clips === "scroll") continue;
        const [inner, outer] = [element.getBoundingClientRect(), box.getBoundingClientRect()];
        // Only for screen readers.
        if (outer.width <= 1) break;
        const cut = box === element ? element.scrollWidth > element.clientWidth + 1 : inner.right > outer.right + 1;
        if (cut) found.push(`cut: ${name(element)} in ${name(box)}`);
      }
    }
    return found;
  }, FREE_TEXT);
}

for (const { width, style } of [{ width: 1280, style: WIDER }, { width: 768, style: "" }, { width: 1280, style: "" }]) {
  test(`${width} px${style && " with a wider font"}: everything fits`, async ({ browser, content }) => {
    test.setTimeout(300_000);
    const { server, user, pages } = everyPage(content).administrator;
    const context = await browser.newContext({ baseURL: server.url, storageState: user?.session, viewport: { width, height: 900 }, bypassCSP: true });
    const page = await context.newPage();
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(path);
      if ((await page.locator("leptos-island").count()) > 0) await waitUntilLive(page);
      if (style) await page.addStyleTag({ content: style });
      expect.soft(await misfits(page), `${name} (${path})`).toEqual([]);
    }
    await context.close();
  });
}
