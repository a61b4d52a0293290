// Forced colours (Windows contrast themes): contrast of progress bars and states.
import { type Locator, type Page } from "@playwright/test";
import { expect, startJob, state, test, waitUntilLive } from "./support/milepost.ts";

/** Luminance (WCAG 2) of the pixels of an element, by row. */
async function luminance(page: Page, element: Locator): Promise<number[][]> {
  const png = (await element.screenshot({ animations: "disabled" })).toString("base64");
  const canvas = await page.context().newPage();
  const rows = await canvas.evaluate(async (png) => {
    const image = new Image();
    image.src = `data:image/png;base64,${png}`;
    await image.decode();
    const { width, height } = image;
    const context = new OffscreenCanvas(width, height).getContext("2d")!;
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const linear = (i: number) => (data[i]! <= 10 ? data[i]! / 3294 : ((data[i]! / 255 + 0.055) / 1.055) ** 2.4);
    const at = (i: number) => 0.2126 * linear(i) + 0.7152 * linear(i + 1) + 0.0722 * linear(i + 2);
    return Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => at(4 * (y * width + x))));
  }, png);
  await canvas.close();
  return rows;
}

/** Contrast ratio of the lightest and the darkest of some pixels. */
const contrast = (...pixels: number[]) => (Math.max(...pixels) + 0.05) / (Math.min(...pixels) + 0.05);

for (const colorScheme of ["light", "dark"] as const) {
  test(`forced colours, ${colorScheme}: progress bar and state have enough contrast`, async ({ page, request }) => {
    await page.emulateMedia({ forcedColors: "active", colorScheme, reducedMotion: "reduce" });
    const job = await startJob(request, "demo", { seconds: 20 });
    await page.goto(`/jobs/${job}`);
    await waitUntilLive(page);
    const bar = page.locator("main .milebar.hero progress");
    await expect.poll(async () => Number(await bar.getAttribute("value"))).toBeGreaterThan(30);
    await request.post("/api/cancel_job", { form: { id: String(job) } });
    await expect(state(page)).toContainText("Cancelled");

    const done = Number(await bar.getAttribute("value")) / 100;
    const rows = await luminance(page, bar);
    const column = (place: number) => rows.map((row) => row[Math.floor(row.length * place)]!);
    const middle = (place: number) => column(place)[Math.floor(rows.length / 2)]!;
    expect(contrast(middle(done - 0.05), middle(done + 0.1)), "completed part against the rest").toBeGreaterThan(3);
    expect(contrast(...column(0.95)), "edge of the bar against its inside").toBeGreaterThan(3);

    for (const [what, element] of [["its icon", state(page).locator("svg")], ["its word", state(page).locator("span").first()]] as const) {
      expect(contrast(...(await luminance(page, element)).flat()), what).toBeGreaterThan(4.5);
    }
  });
}
