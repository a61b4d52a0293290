// Jobs are found again: page by page, by their time, and from an address that is not quite right.
import { type APIRequestContext, type Page } from "@playwright/test";
import { expect, live, startJob, test } from "./milepost.ts";

const rows = (page: Page) => page.getByRole("region", { name: "Jobs" }).locator("tbody tr");
const pager = (page: Page, name: string) => page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true });

/** The numbers of the jobs shown, from top to bottom. */
const numbers = async (page: Page) => (await rows(page).allTextContents()).map((text) => Number(/#(\d+)/.exec(text)?.[1]));

async function startJobs(request: APIRequestContext, count: number) {
  const jobs = [];
  for (let n = 0; n < count; n += 1) jobs.push(await startJob(request, "demo", { seconds: 0 }));
  return jobs;
}

/** Follows a link to another page of the list, and waits for that page to be live. */
async function turn(page: Page, name: string): Promise<number[]> {
  const before = page.url();
  await pager(page, name).click();
  await expect(page).not.toHaveURL(before);
  await live(page);
  return numbers(page);
}

test("the pages of the list show every job once, newest first, there and back", async ({ page, request }) => {
  const started = await startJobs(request, 110);
  await page.goto("/jobs");
  await live(page);
  const pages = [await numbers(page)];
  while ((await pager(page, "Older").count()) > 0) pages.push(await turn(page, "Older"));
  const all = pages.flat();
  expect(all).toEqual([...new Set(all)].sort((a, b) => b - a));
  expect(all).toEqual(expect.arrayContaining(started));

  const oldest = pages.at(-1)!.at(-1);
  for (const shown of pages.slice(0, -1).reverse()) {
    const back = await turn(page, "Newer");
    expect(back[0]).toBe(shown[0]);
    expect(back).toHaveLength(shown.length);
  }
  await expect(pager(page, "Newer")).toHaveCount(0);
  expect((await turn(page, "Oldest")).at(-1)).toBe(oldest);
  await expect(pager(page, "Older")).toHaveCount(0);
  expect((await turn(page, "Newest"))[0]).toBe(all[0]);
});

test("a page of older jobs stays as it is while new ones start", async ({ page, request }) => {
  await startJobs(request, 60);
  await page.goto("/jobs");
  await live(page);
  const shown = await turn(page, "Older");
  const address = page.url();
  const newer = await startJob(request, "demo", { seconds: 600 });
  await expect(page.locator(`.watching a[href="/jobs/${newer}"]`), "the page has heard of it").toBeVisible();
  expect(await numbers(page)).toEqual(shown);
  await page.reload();
  expect(page.url()).toBe(address);
  expect(await numbers(page)).toEqual(shown);
  await request.post("/api/cancel_job", { form: { id: String(newer) } });
});

const wrong = {
  "state=bogus": "Unknown state “bogus”. Showing all states.",
  "since=3y": "Unknown period “3y” (1h, 24h, 7d, 30d). Showing jobs of any age.",
  "before=last": "“last” is not a job number. Showing the newest jobs.",
  "after=-1": "“-1” is not a job number. Showing the newest jobs.",
  "from=middle": "Unknown order “middle”. Showing the newest jobs.",
  [`q=demo+${"x".repeat(200)}`]: "Only the first 200 characters are searched for.",
};

test("what an address asks wrongly is said, and the list is shown without it", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0 });
  const notice = page.getByRole("main").getByRole("status");
  for (const [query, says] of Object.entries(wrong)) {
    await page.goto(`/jobs?${query}`);
    await expect(notice, query).toHaveText(says);
    if (!query.startsWith("q=")) await expect(rows(page).filter({ hasText: `#${job}` }), query).toBeVisible();
  }
  await page.goto("/jobs?state=bogus&since=3y");
  await expect(notice.getByRole("listitem")).toHaveCount(2);
  await page.goto("/jobs?state=succeeded&since=24h");
  await expect(notice).toHaveCount(0);
});

test("the list is narrowed to what is recent, says so, and is widened again", async ({ page, request }) => {
  const job = await startJob(request, "demo", { seconds: 0 });
  await page.goto("/jobs");
  await page.getByLabel("Created").selectOption("Last hour");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page).toHaveURL(/[?&]since=1h/);
  await live(page);
  await expect(page.getByLabel("Created")).toHaveValue("1h");
  await expect(rows(page).filter({ hasText: `#${job}` })).toBeVisible();

  // What starts now belongs into the last hour.
  const newer = await startJob(request, "demo", { seconds: 0 });
  await page.getByRole("link", { name: /new job/ }).filter({ visible: true }).click();
  await expect(rows(page).filter({ hasText: `#${newer}` })).toBeVisible();
  await expect(page.getByLabel("Created")).toHaveValue("1h");
  await page.getByRole("main").getByRole("link", { name: "Clear" }).click();
  await expect(page).toHaveURL(/\/jobs$/);
  await expect(page.getByLabel("Created")).toHaveValue("");
});
