// Resize images: upload, result as a zip file, and files that are not images.
import { readFileSync } from "node:fs";
import { type Page } from "@playwright/test";
import { expect, state, test, waitUntilLive } from "./support/milepost.ts";

/** Returns a PNG drawn by the browser. */
async function picture(page: Page, width: number, height: number): Promise<Buffer> {
  const url = await page.evaluate(([width, height]) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d")?.fillRect(0, 0, width / 2, height);
    return canvas.toDataURL("image/png");
  }, [width, height] as const);
  return Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
}

async function send(page: Page, name: string, buffer: Buffer) {
  await page.getByLabel(/^Images/).setInputFiles({ name, mimeType: "image/png", buffer });
  await expect(page.getByText(`${name}, `).first()).toBeVisible();
}

test("resize images: an uploaded image is resized and downloaded in a zip file", async ({ page }) => {
  await page.goto("/new/resize-images");
  await waitUntilLive(page);
  await send(page, "wide.png", await picture(page, 400, 200));
  await page.getByLabel("Longest side, pixels").fill("100");
  await page.getByRole("button", { name: "Start job" }).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  await expect(state(page)).toHaveText("Succeeded");

  const link = page.getByRole("link", { name: /images\.zip/ }).first();
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  const zip = readFileSync(await download.path());
  // Images are stored uncompressed: a local header of 30 bytes, the name, the extra field, the image.
  const [name, extra] = [zip.readUInt16LE(26), zip.readUInt16LE(28)];
  expect(zip.subarray(30, 30 + name).toString()).toBe("wide.png");
  const png = zip.subarray(30 + name + extra);
  expect(png.subarray(1, 4).toString()).toBe("PNG");
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([100, 50]);
});

test("resize images: a file that is not an image fails with a reason", async ({ page }) => {
  await page.goto("/new/resize-images");
  await waitUntilLive(page);
  await send(page, "notes.png", Buffer.from("no picture at all"));
  await page.getByRole("button", { name: "Start job" }).click();
  await expect(state(page)).toHaveText(/^Failed/);
  await expect(page.getByRole("main")).toContainText("the image could not be read");
  await expect(page.getByRole("main")).toContainText("notes.png: it is not a picture in JPEG, PNG, WebP, GIF or BMP");
});
