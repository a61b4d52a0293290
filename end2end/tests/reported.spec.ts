// Jobs that programs elsewhere report: live on the page, with the actions that make sense for them.
import { type APIRequestContext } from "@playwright/test";
import { checkAccessibility } from "./support/accessibility.ts";
import { expect, state, test, waitUntilLive } from "./support/milepost.ts";

/** Sends a signal as curl does; returns the line of the response. */
async function signal(request: APIRequestContext, path: string, body: string): Promise<string> {
  const response = await request.post(`/api/v1/report/${path}`, { data: body, headers: { "content-type": "text/plain" } });
  expect(response.ok(), await response.text()).toBe(true);
  return (await response.text()).trim();
}

test("reported job: progress and log of a program elsewhere appear live, and its end offers no retry", async ({ page, request }) => {
  const job = (await signal(request, "copies/live/start", "title=Nightly copies&host=db1")).split(" ")[1];
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Nightly copies");
  await expect(page.getByText("Reported from")).toBeVisible();
  await expect(page.getByText("db1", { exact: true })).toBeVisible();
  await signal(request, "copies/live/progress", "3/10 parts");
  await expect(page.getByText("of 10", { exact: true })).toBeVisible();
  await signal(request, "copies/live/log", "part three is copied\n");
  await expect(page.getByText("part three is copied")).toBeVisible();
  await checkAccessibility(page, "a reported job");
  await signal(request, "copies/live/finish", "3");
  await expect(state(page)).toContainText("Failed");
  await expect(page.getByText("exit_3")).toBeVisible();
  await expect(page.getByRole("button", { name: "Retry" })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Run again" })).toHaveCount(0);
});

test("reported job: the program learns of a cancel on the page", async ({ page, request }) => {
  const job = (await signal(request, "copies/cancelled/start", "title=Long copy&host=db2")).split(" ")[1];
  await page.goto(`/jobs/${job}`);
  await waitUntilLive(page);
  expect(await signal(request, "copies/cancelled/progress", "1/9 parts")).toBe(`ok ${job}`);
  await page.getByRole("link", { name: "Cancel", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: `Cancel job #${job}?` });
  await expect(dialog).toContainText("asked to stop");
  await dialog.getByRole("button", { name: "Cancel job" }).click();
  await expect(state(page)).toContainText("Cancelling");
  expect(await signal(request, "copies/cancelled/progress", "2/9 parts")).toBe(`cancel ${job}`);
  await signal(request, "copies/cancelled/finish", "state=cancelled");
  await expect(state(page)).toContainText("Cancelled");
});
