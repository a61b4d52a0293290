// Display names without script: the form posts, errors are beside the field, and typed text is kept.
import { account, expect, test } from "./support/server-with-accounts.ts";
import { startJob } from "./support/milepost.ts";
import { createAdministrator } from "./support/users.ts";

test("display name: is rejected beside its field, then shown in the sidebar and on a job's page", async ({ server, openBrowser, apiClient }) => {
  const first = await createAdministrator(server);
  const job = await startJob(await apiClient(first), "demo", { seconds: 0 });
  const page = await openBrowser(first);
  await page.goto("/settings");
  const form = page.getByRole("form", { name: "Display name" });
  const field = form.getByLabel("Display name", { exact: true });
  await field.fill("Milepost support");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(form.getByRole("alert")).toBeFocused();
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(field).toHaveAccessibleDescription(/is reserved/);
  await expect(field, "typed text is kept").toHaveValue("Milepost support");
  await expect(account(page)).toContainText("ada");
  await field.fill("Ada Lovelace");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(/\/settings$/);
  await expect(account(page)).toContainText("Ada Lovelace");
  await page.goto(`/jobs/${job}`);
  await expect(page.locator("dl.details > div", { hasText: "Started by" }).locator("dd")).toHaveText("Ada Lovelace");
});
