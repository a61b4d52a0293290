// Job list: paging, filter by age, and invalid filters in the address.
import { type APIRequestContext, type Page } from "@playwright/test";
import { expect, startJob, test, waitUntilLive } from "./support/milepost.ts";

const rows = (page: Page) => page.getByRole("region", { name: "Jobs" }).locator("tbody tr");
const pager = (page: Page, name: string) => page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true });

/** Numbers of the listed jobs, from top to bottom. */
const numbers = async (page: Page) => (await rows(page).allTextContents()).map((text) => Number(/#(\d+)/.exec(text)?.[1]));

async function startJobs(request: APIRequestContext, count: number) {
  const jobs = [];
  for (let n = 0; n < count; n += 1) jobs.push(await startJob(request, "demo", { seconds: 0 }));
  return jobs;
}

/** Follows a link to another page of the list and waits until it is live. */
async function follow(page: Page, name: string): Promise<number[]> {
  const before = page.url();
  await pager(page, name).click();
  await expect(page).not.toHaveURL(before);
  await waitUntilLive(page);
  return numbers(page);
}

test("job list: paging shows every job once, newest first, in both directions", async ({ page, request }) => {
  const started = await startJobs(request, 110);
  await page.goto("/jobs");
  await waitUntilLive(page);
  const pages = [await numbers(page)];
  while ((await pager(page, "Older").count()) > 0) pages.push(await follow(page, "Older"));
  const all = pages.flat();
  expect(all).toEqual([...new Set(all)].sort((a, b) => b - a));
  expect(all).toEqual(expect.arrayContaining(started));

  const oldest = pages.at(-1)!.at(-1);
  for (const shown of pages.slice(0, -1).reverse()) {
    const back = await follow(page, "Newer");
    expect(back[0]).toBe(shown[0]);
    expect(back).toHaveLength(shown.length);
  }
  await expect(pager(page, "Newer")).toHaveCount(0);
  expect((await follow(page, "Oldest")).at(-1)).toBe(oldest);
  await expect(pager(page, "Older")).toHaveCount(0);
  expect((await follow(page, "Newest"))[0]).toBe(all[0]);
});

test("job list: a page of older jobs does not change when new jobs start", async ({ page, request }) => {
  await startJobs(request, 60);
  await page.goto("/jobs");
  await waitUntilLive(page);
  const shown = await follow(page, "Older");
  const address = page.url();
  const all = page.getByRole("navigation", { name: "States" }).locator(".count-badge").first();
  const before = await all.textContent();
  await startJob(request, "demo", { seconds: 600 });
  await expect(all, "the page has received the event").not.toHaveText(before!);
  expect(await numbers(page)).toEqual(shown);
  await page.reload();
  expect(page.url()).toBe(address);
  expect(await numbers(page)).toEqual(shown);
});

const invalid = {
  "state=bogus": "Unknown state “bogus”. Showing all states.",
  "since=3y": "Unknown period “3y” (1h, 24h, 7d, 30d). Showing jobs of any age.",
  "before=last": "“last” is not a job number. Showing the newest jobs.",
  "after=-1": "“-1” is not a job number. Showing the newest jobs.",
  "from=middle": "Unknown order “middle”. Showing the newest jobs.",
  [`q=demo+${"x".repeat(200)}`]: "Only the first 200 characters are searched for.",
};

test("job list: invalid filters in the address are reported and ignored", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0 });
  const notice = page.getByRole("main").getByRole("status");
  for (const [query, message] of Object.entries(invalid)) {
    await page.goto(`/jobs?${query}`);
    await expect(notice, query).toHaveText(message);
    if (!query.startsWith("q=")) await expect(rows(page).filter({ hasText: `#${job}` }), query).toBeVisible();
  }
  await page.goto("/jobs?state=bogus&since=3y");
  await expect(notice.getByRole("listitem")).toHaveCount(2);
  await page.goto("/jobs?state=succeeded&since=24h");
  await expect(notice).toHaveCount(0);
});

test("job list: filter by age is applied, shown and cleared", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0 });
  await page.goto("/jobs");
  await waitUntilLive(page);
  await page.getByLabel("Created").selectOption("Last hour");
  await expect(page).toHaveURL(/[?&]since=1h/);
  await waitUntilLive(page);
  await expect(page.getByLabel("Created")).toHaveValue("1h");
  await expect(rows(page).filter({ hasText: `#${job}` })).toBeVisible();

  // A job that starts now matches the filter.
  const newer = await startJob(request, "demo", { seconds: 0 });
  await page.getByRole("link", { name: /new job/ }).filter({ visible: true }).click();
  await expect(rows(page).filter({ hasText: `#${newer}` })).toBeVisible();
  await expect(page.getByLabel("Created")).toHaveValue("1h");
  await page.getByRole("main").getByRole("link", { name: "Clear" }).click();
  await expect(page).toHaveURL(/\/jobs$/);
  await expect(page.getByLabel("Created")).toHaveValue("");
});
