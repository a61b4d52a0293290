// Messages, notes, toasts, the new version banner, and notifications about pinned jobs.
import { type Page } from "@playwright/test";
import { checkAccessibility } from "./support/accessibility.ts";
import { test as accountsTest } from "./support/server-with-accounts.ts";
import { expect, startJob, state, test, waitUntilLive } from "./support/milepost.ts";
import { createAdministrator, createUser } from "./support/users.ts";

const toasts = (page: Page) => page.locator(".toasts li");

async function send(page: Page, form: Record<string, string>) {
  const response = await page.request.post("/api/send_message", { form, headers: { "sec-fetch-site": "same-origin" } });
  expect(response.status(), await response.text()).toBe(200);
  return (await response.json()) as { message: number; receivers: number };
}

accountsTest("message: appears only for its recipients and can be closed", async ({ server, openBrowser }) => {
  const first = await createAdministrator(server);
  const users = [first, await createUser(server, first, "ben", "operator"), await createUser(server, first, "vera", "viewer")];
  const [one, ben, vera] = (await Promise.all(users.map((user) => openBrowser(user)))) as [Page, Page, Page];
  await ben.goto("/jobs");
  await vera.goto("/queues");
  for (const page of [ben, vera]) await waitUntilLive(page);
  await one.goto("/messages");
  await one.getByLabel("To", { exact: true }).selectOption("One user");
  await one.getByLabel("User").fill("vera");
  await one.getByLabel("Type").selectOption("Warning");
  await one.getByLabel("Text").fill("The disk is full,\nplease delete something");
  await one.getByRole("button", { name: "Send" }).click();
  await expect(one.getByRole("status").filter({ hasText: "Sent to 1 open browser." })).toBeVisible();
  await expect(one.locator(".messages .message")).toContainText(/ada\s+to vera/);

  await expect(toasts(vera)).toContainText(/ada\s+to you/);
  await expect(toasts(vera)).toContainText("The disk is full,\nplease delete something", { useInnerText: true });
  await expect(toasts(vera)).toHaveAttribute("data-tone", "warning");
  await expect(toasts(vera)).not.toHaveAttribute("data-left");
  expect((await send(one, { to: "everyone", text: "Good morning" })).receivers).toBeGreaterThanOrEqual(2);
  await expect(toasts(ben)).toContainText("Good morning");
  await expect(toasts(ben), "the other message was not for him").toHaveCount(1);
  await expect(one.locator(".messages .message").first(), "the open page lists it, too").toContainText("Good morning");
  await expect(toasts(one)).toHaveCount(0);

  await toasts(vera).first().getByRole("button", { name: "Close" }).click();
  await expect(toasts(vera)).toHaveCount(1);
  await expect(toasts(vera).getByRole("button", { name: "Close" })).toBeFocused();
  await vera.keyboard.press("Enter");
  await expect(toasts(vera)).toHaveCount(0);
});

test("toasts: disappear after a while unless hovered; three are shown and the rest counted", async ({ page }) => {
  await page.clock.install();
  await page.goto("/queues");
  await waitUntilLive(page);
  for (const text of ["one", "two", "three", "four", "five"]) await send(page, { to: "everyone", text });
  await expect(toasts(page)).toHaveCount(5);
  await expect(toasts(page).filter({ visible: true })).toHaveText([/one/, /two/, /three/]);
  await expect(page.locator(".toasts").getByRole("link", { name: "2 more" })).toBeVisible();
  await toasts(page).first().hover();
  await page.clock.runFor(30_000);
  await expect(toasts(page)).toHaveCount(5);
  await page.mouse.move(0, 0);
  await page.clock.runFor(9_500);
  await expect(toasts(page).filter({ visible: true })).toHaveText([/four/, /five/]);
  await expect(page.locator(".toasts .more")).toBeHidden();
  await page.clock.runFor(12_000);
  await expect(toasts(page)).toHaveCount(0);
});

test("job note: appears in another tab and keeps what is typed there", async ({ page, context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const other = await context.newPage();
  for (const tab of [page, other]) {
    await tab.goto(`/jobs/${job}`);
    await waitUntilLive(tab);
  }
  const notes = (tab: Page) => tab.getByRole("region", { name: "Notes" });
  for (const tab of [page, other]) await notes(tab).getByText("Add a note").click();
  await notes(other).getByLabel("Note", { exact: true }).fill("half a thought");
  await notes(page).getByLabel("Note", { exact: true }).fill("Ask Mei before you cancel it");
  await notes(page).getByRole("button", { name: "Add note" }).click();
  for (const tab of [page, other]) await expect(notes(tab).locator(".message")).toContainText("Ask Mei before you cancel it");
  await expect(notes(page).getByLabel("Note", { exact: true }), "the field is cleared").toHaveValue("");
  await expect(notes(other).getByLabel("Note", { exact: true }), "input is kept").toHaveValue("half a thought");
  await expect(other.locator(".announcements")).toHaveText(/noted on #\d+: Ask Mei/);
  await notes(page).getByLabel("Note", { exact: true }).fill("A second one");
  await notes(page).getByRole("button", { name: "Add note" }).click();
  await expect(notes(other).locator(".message").first()).toContainText("A second one");
  await request.post("/api/cancel_job", { form: { id: String(job) } });
});

/** Gives the document another build than the server's. */
async function useOtherBuild(page: Page) {
  await page.addInitScript(() => {
    new MutationObserver(() => document.documentElement?.setAttribute("data-build", "older")).observe(document, { childList: true });
  });
}

test("new version: banner is shown and the unused page reloads itself", async ({ page }) => {
  await page.clock.install();
  await useOtherBuild(page);
  await page.goto("/queues");
  await waitUntilLive(page);
  const banner = page.getByRole("region", { name: "New version" });
  await expect(banner).toBeVisible();
  let loads = 0;
  page.on("load", () => (loads += 1));
  await banner.getByRole("link", { name: "Reload" }).click();
  await expect.poll(() => loads).toBe(1);
  await expect(banner).toBeVisible();
  await banner.getByRole("button", { name: "Later" }).click();
  await expect(banner).toBeHidden();
  // Advancing the clock makes the stream look silent, and the page does not reload without a live stream.
  await page.clock.runFor(55_000);
  await waitUntilLive(page);
  await page.clock.runFor(2_000);
  expect(loads, "the page may be in use").toBe(1);
  await page.clock.runFor(45_000);
  await expect.poll(() => loads, { message: "reloads by itself", timeout: 40_000 }).toBe(2);

  await page.goto("/messages");
  await waitUntilLive(page);
  loads = 0;
  await page.getByLabel("Text").fill("not sent yet");
  await page.getByRole("heading", { level: 1 }).click();
  await page.clock.runFor(200_000);
  await waitUntilLive(page);
  await page.clock.runFor(2_000);
  await expect(banner).toBeVisible();
  await expect(page.getByLabel("Text"), "input is kept").toHaveValue("not sent yet");
  expect(loads).toBe(0);
});

test("tab title and icon: show progress and result of pinned jobs", async ({ page, request }) => {
  // The first stage has no total and so no percentage.
  const [one, two] = [await startJob(request, "demo", { seconds: 60 }), await startJob(request, "demo", { seconds: 600 })];
  const pin = (job: number) => page.request.post("/api/pin_job", { form: { id: String(job) }, headers: { "sec-fetch-site": "same-origin" } });
  await pin(one);
  await page.goto("/queues");
  await waitUntilLive(page);
  await expect(page).toHaveTitle(/^\d+.% · .+ · Queues · Milepost$/);
  const icon = page.locator("link[rel=icon]");
  await expect(icon).toHaveAttribute("href", /^data:image\/svg\+xml,.*circle/);
  await pin(two);
  await page.reload();
  await waitUntilLive(page);
  await expect(page).toHaveTitle("2 running · Queues · Milepost");
  for (const job of [one, two]) await request.post("/api/cancel_job", { form: { id: String(job) } });
  await expect(page).toHaveTitle("Queues · Milepost");
  await expect(icon).toHaveAttribute("href", /10%2010M13%203/);
  const drawing = decodeURIComponent(String(await icon.getAttribute("href")).replace("data:image/svg+xml,", ""));
  const parsed = (svg: string) => new DOMParser().parseFromString(svg, "image/svg+xml").documentElement.namespaceURI;
  expect(await page.evaluate(parsed, drawing)).toBe("http://www.w3.org/2000/svg");
});

test("notification: is sent when a pinned job ends, after permission on request only", async ({ page, context, request }) => {
  await context.grantPermissions(["notifications"]);
  await page.addInitScript(() => {
    const notifications: string[] = [];
    Object.assign(window, { notifications, requests: 0 });
    class FakeNotification {
      static permission = "default";
      static async requestPermission() {
        Object.assign(window, { requests: (window as unknown as { requests: number }).requests + 1 });
        return (FakeNotification.permission = "granted");
      }
      constructor(title: string, options: NotificationOptions) {
        notifications.push(`${title} (${options.tag})`);
      }
    }
    Object.assign(window, { Notification: FakeNotification });
  });
  const job = await startJob(request, "demo", { seconds: 600 });
  await page.goto(`/jobs/${job}`);
  await page.getByRole("button", { name: "Pin" }).click();
  await waitUntilLive(page);
  const value = (name: string) => page.evaluate((name) => (window as unknown as Record<string, unknown>)[name], name);
  const button = page.getByRole("button", { name: "Notify me when a pinned job finishes" });
  await expect(button).toHaveAttribute("aria-pressed", "false");
  expect(await value("requests")).toBe(0);
  await button.click();
  await expect(button).toHaveAttribute("aria-pressed", "true");
  expect(await value("requests")).toBe(1);
  await request.post("/api/cancel_job", { form: { id: String(job) } });
  await expect(state(page)).toContainText("Cancelled");
  await expect.poll(() => value("notifications")).toEqual([expect.stringMatching(new RegExp(`: Cancelled \\(job-${job}\\)$`))]);
});

test("accessibility: messages, notes and toasts have no violations", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0 });
  await request.post("/api/add_note", { form: { id: String(job), text: "x".repeat(300) } });
  for (const tone of ["info", "success", "warning", "danger"]) await send(page, { to: "everyone", text: `${tone} ${"y".repeat(90)}`, tone });
  for (const path of ["/messages?to=job", `/jobs/${job}`]) {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(path);
    await waitUntilLive(page);
    for (const tone of ["warning", "danger"]) await send(page, { to: "job", job: String(job), text: `${tone} ${"z".repeat(90)}`, tone });
    await checkAccessibility(page, path);
  }
  await expect(toasts(page)).toHaveCount(2);
});
