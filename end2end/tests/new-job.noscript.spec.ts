// New job without script: from the list of tasks to a started job.
import { expect, test } from "./support/milepost.ts";

test("new job form: errors are shown, input is kept and the job starts", async ({ page }) => {
  await page.goto("/new");
  await page.getByRole("link", { name: "Import" }).first().click();
  const csv = { name: "orders.csv", mimeType: "text/csv", buffer: Buffer.from("id,price\n1,9.50\n") };
  await page.getByLabel("File", { exact: true }).setInputFiles(csv);
  await page.getByLabel("Columns to index").fill("id");
  await page.getByRole("button", { name: "Start job" }).click();

  const summary = page.getByRole("alert");
  await expect(summary).toBeFocused();
  await expect(summary).toContainText("Table");
  await expect(page.getByText("orders.csv, 16 B, uploaded")).toBeVisible();
  await expect(page.getByLabel("Columns to index")).toHaveValue("id");

  await page.getByLabel("Table", { exact: true }).fill("orders");
  await page.getByLabel("Table", { exact: true }).press("Enter");
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
});

test("path picker: browsing keeps the input of the form", async ({ page }) => {
  await page.goto("/new/checksum");
  await page.getByLabel("BLAKE3").check();
  await page.getByRole("button", { name: "Browse…" }).click();
  const list = page.getByRole("group", { name: "Folders on the server" });
  await list.getByRole("button", { name: "archive" }).click();
  await expect(page.getByLabel("Folder", { exact: true })).toHaveValue("");
  await expect(page.getByLabel("BLAKE3")).toBeChecked();
  await list.getByRole("button", { name: /^Choose .*archive$/ }).click();
  await expect(page.getByLabel("Folder", { exact: true })).toHaveValue(/\/archive$/);
  await expect(page.getByLabel("Folder", { exact: true })).toBeFocused();
  await expect(page.getByLabel("BLAKE3")).toBeChecked();
  await page.getByRole("button", { name: "Start job" }).click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
});
