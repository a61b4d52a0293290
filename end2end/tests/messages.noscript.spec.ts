// Messages and notes without script: forms post, and pages report the result.
import { expect, startJob, state, test } from "./support/milepost.ts";

test("message form: errors appear next to the fields, then the message is sent", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("link", { name: "Messages" }).click();
  await page.getByLabel("To", { exact: true }).selectOption("Viewers of a job");
  await page.getByLabel("Job", { exact: true }).fill("soon");
  await page.getByLabel("Text").fill("Hands off");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByRole("alert")).toBeFocused();
  await expect(page.getByLabel("Job", { exact: true })).toHaveAccessibleDescription(/Enter a job number/);
  await expect(page.getByLabel("Text"), "input is kept").toHaveValue("Hands off");
  await page.getByLabel("To", { exact: true }).selectOption("Everyone");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page).toHaveURL(/\/messages$/);
  await expect(page.getByRole("status")).toContainText("Saved.");
  await expect(page.locator(".messages .message")).toContainText("Hands off");
});

test("job note: the page does not refresh while a note is being written", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  await page.goto(`/jobs/${job}`);
  const refresh = page.locator("noscript meta[http-equiv=refresh], meta[http-equiv=refresh]");
  await expect(refresh).toHaveCount(1);
  await expect(page.getByRole("button", { name: "Add note" })).toBeHidden();
  await page.getByRole("link", { name: "Add a note" }).click();
  await expect(refresh).toHaveCount(0);
  await page.getByLabel("Note", { exact: true }).fill("Started by hand");
  await page.getByRole("button", { name: "Add note" }).click();
  await expect(page).toHaveURL(`/jobs/${job}`);
  await expect(page.getByRole("region", { name: "Notes" }).locator(".message")).toContainText("Started by hand");
  await request.post("/api/cancel_job", { form: { id: String(job) } });
  await page.reload();
  await expect(state(page)).toContainText("Cancelled");
});
