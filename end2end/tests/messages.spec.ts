// What people write to each other while their pages are open: toasts, notes, and what a tab shows of pinned jobs.
import { type Page } from "@playwright/test";
import { check } from "./accessible.ts";
import { test as houseTest } from "./house.ts";
import { expect, live, startJob, state, test } from "./milepost.ts";
import { ada, add } from "./people.ts";

const toasts = (page: Page) => page.locator(".toasts li");

async function send(page: Page, form: Record<string, string>) {
  const answer = await page.request.post("/api/send_message", { form, headers: { "sec-fetch-site": "same-origin" } });
  expect(answer.status(), await answer.text()).toBe(200);
  return (await answer.json()) as { message: number; receivers: number };
}

houseTest("a message shows itself to whom it is for, and nobody else, and can be closed", async ({ house, visit }) => {
  const first = await ada(house);
  const people = [first, await add(house, first, "ben", "operator"), await add(house, first, "vera", "viewer")];
  const [one, ben, vera] = (await Promise.all(people.map((person) => visit(person)))) as [Page, Page, Page];
  await ben.goto("/jobs");
  await vera.goto("/queues");
  for (const page of [ben, vera]) await live(page);
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
  await expect(toasts(ben), "the other one was not for him").toHaveCount(1);
  await expect(one.locator(".messages .message").first(), "the open page tells it too").toContainText("Good morning");
  await expect(toasts(one)).toHaveCount(0);

  await toasts(vera).first().getByRole("button", { name: "Close" }).click();
  await expect(toasts(vera)).toHaveCount(1);
  await expect(toasts(vera).getByRole("button", { name: "Close" })).toBeFocused();
  await vera.keyboard.press("Enter");
  await expect(toasts(vera)).toHaveCount(0);
});

test("a toast goes after a while, unless somebody points at it; three are shown at once and the rest counted", async ({ page }) => {
  await page.clock.install();
  await page.goto("/queues");
  await live(page);
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

test("a note appears for the other one who watches, while they write one themselves", async ({ page, context, request }) => {
  const job = await startJob(request, "demo", { seconds: 600 });
  const other = await context.newPage();
  for (const tab of [page, other]) {
    await tab.goto(`/jobs/${job}`);
    await live(tab);
  }
  const notes = (tab: Page) => tab.getByRole("region", { name: "Notes" });
  await notes(other).getByLabel("Add a note").fill("half a thought");
  await notes(page).getByLabel("Add a note").fill("Ask Mei before you cancel it");
  await notes(page).getByRole("button", { name: "Add note" }).click();
  for (const tab of [page, other]) await expect(notes(tab).locator(".message")).toContainText("Ask Mei before you cancel it");
  await expect(notes(page).getByLabel("Add a note"), "it is said").toHaveValue("");
  await expect(notes(other).getByLabel("Add a note"), "what is being typed stays").toHaveValue("half a thought");
  await expect(other.locator(".announcements")).toHaveText(/noted on #\d+: Ask Mei/);
  await notes(page).getByLabel("Add a note").fill("A second one");
  await notes(page).getByRole("button", { name: "Add note" }).click();
  await expect(notes(other).locator(".message").first()).toContainText("A second one");
  await request.post("/api/cancel_job", { form: { id: String(job) } });
});

/** A document of another build than the server's. */
async function ofAnotherBuild(page: Page) {
  await page.addInitScript(() => {
    new MutationObserver(() => document.documentElement?.setAttribute("data-build", "older")).observe(document, { childList: true });
  });
}

test("when the server is of another build the page says so, and loads itself anew once nobody needs it", async ({ page }) => {
  await page.clock.install();
  await ofAnotherBuild(page);
  await page.goto("/queues");
  await live(page);
  const banner = page.getByRole("region", { name: "New version" });
  await expect(banner).toBeVisible();
  let loads = 0;
  page.on("load", () => (loads += 1));
  await banner.getByRole("link", { name: "Reload" }).click();
  await expect.poll(() => loads).toBe(1);
  await expect(banner).toBeVisible();
  await banner.getByRole("button", { name: "Later" }).click();
  await expect(banner).toBeHidden();
  // Time that is only made to pass lets the link fall silent, and nothing is reloaded without one.
  await page.clock.runFor(55_000);
  await live(page);
  await page.clock.runFor(2_000);
  expect(loads, "somebody may be reading").toBe(1);
  await page.clock.runFor(45_000);
  await expect.poll(() => loads, { message: "by itself", timeout: 40_000 }).toBe(2);

  await page.goto("/messages");
  await live(page);
  loads = 0;
  await page.getByLabel("Text").fill("not sent yet");
  await page.getByRole("heading", { level: 1 }).click();
  await page.clock.runFor(200_000);
  await live(page);
  await page.clock.runFor(2_000);
  await expect(banner).toBeVisible();
  await expect(page.getByLabel("Text"), "what is typed stays").toHaveValue("not sent yet");
  expect(loads).toBe(0);
});

test("of pinned jobs the tab tells how far they are, and how they ended", async ({ page, request }) => {
  // What it prepares has no total: until then there is no percentage.
  const [one, two] = [await startJob(request, "demo", { seconds: 60 }), await startJob(request, "demo", { seconds: 600 })];
  const pin = (job: number) => page.request.post("/api/pin_job", { form: { id: String(job) }, headers: { "sec-fetch-site": "same-origin" } });
  await pin(one);
  await page.goto("/queues");
  await live(page);
  await expect(page).toHaveTitle(/^\d+.% · .+ · Queues · Milepost$/);
  const icon = page.locator("link[rel=icon]");
  await expect(icon).toHaveAttribute("href", /^data:image\/svg\+xml,.*circle/);
  await pin(two);
  await page.reload();
  await live(page);
  await expect(page).toHaveTitle("2 running · Queues · Milepost");
  for (const job of [one, two]) await request.post("/api/cancel_job", { form: { id: String(job) } });
  await expect(page).toHaveTitle("Queues · Milepost");
  await expect(icon).toHaveAttribute("href", /10 10M13 3/);
});

test("who asks for it is notified when a pinned job ends, and nobody is asked before", async ({ page, context, request }) => {
  await context.grantPermissions(["notifications"]);
  await page.addInitScript(() => {
    const told: string[] = [];
    Object.assign(window, { told, asked: 0 });
    class Told {
      static permission = "default";
      static async requestPermission() {
        Object.assign(window, { asked: (window as unknown as { asked: number }).asked + 1 });
        return (Told.permission = "granted");
      }
      constructor(title: string, options: NotificationOptions) {
        told.push(`${title} (${options.tag})`);
      }
    }
    Object.assign(window, { Notification: Told });
  });
  const job = await startJob(request, "demo", { seconds: 600 });
  await page.goto(`/jobs/${job}`);
  await page.getByRole("button", { name: "Pin" }).click();
  await live(page);
  const value = (name: string) => page.evaluate((name) => (window as unknown as Record<string, unknown>)[name], name);
  const bell = page.getByRole("button", { name: "Notify me when a pinned job finishes" });
  await expect(bell).toHaveAttribute("aria-pressed", "false");
  expect(await value("asked")).toBe(0);
  await bell.click();
  await expect(bell).toHaveAttribute("aria-pressed", "true");
  expect(await value("asked")).toBe(1);
  await request.post("/api/cancel_job", { form: { id: String(job) } });
  await expect(state(page)).toContainText("Cancelled");
  await expect.poll(() => value("told")).toEqual([expect.stringMatching(new RegExp(`: Cancelled \\(job-${job}\\)$`))]);
});

test("messages, notes and toasts are accessible", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0 });
  await request.post("/api/add_note", { form: { id: String(job), text: "x".repeat(300) } });
  for (const tone of ["info", "success", "warning", "danger"]) await send(page, { to: "everyone", text: `${tone} ${"y".repeat(90)}`, tone });
  for (const path of ["/messages?to=job", `/jobs/${job}`]) {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(path);
    await live(page);
    for (const tone of ["warning", "danger"]) await send(page, { to: "job", job: String(job), text: `${tone} ${"z".repeat(90)}`, tone });
    await check(page, path);
  }
  await expect(toasts(page)).toHaveCount(2);
});
