// External commands: from the table in the configuration file to the result of the job.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, Milepost, state, test, waitUntilLive } from "./support/milepost.ts";

const script = `
echo '{"progress":0.25,"message":"the first quarter"}'
printf '\\033[1;32mgreets\\033[0m %s\\033[7m<b>\\033[m\\n' "$1$2"
while [ ! -e "$3" ]; do sleep 0.05; done
echo '{"progress":0.75,"message":"nearly there"}'
`;

test.describe("external command", () => {
  let milepost: Milepost;
  let doneFile: string;

  test.beforeAll(async () => {
    const flags: string[] = [];
    milepost = new Milepost(flags);
    doneFile = join(milepost.home, "done");
    const file = join(milepost.home, "milepost.toml");
    writeFileSync(
      file,
      `[command.greet]
name = "Greet a user"
about = "Says hello, when the file exists."
title = "Greet {{whom}}"
argv = ["sh", "-c", '''${script}''', "sh", "{{whom}}", "{{loud?!}}", "${doneFile}"]
[command.greet.parameters]
whom = { type = "string", title = "Whom" }
loud = { type = "boolean", title = "Loudly" }
`,
    );
    flags.push("--config", file);
    await milepost.start();
  });
  test.afterAll(async () => milepost.remove());

  test("with parameters: form, live output and result work", async ({ browser }) => {
    const page = await browser.newPage({ baseURL: milepost.url });
    await page.goto("/new");
    await page.getByRole("main").getByRole("link", { name: "Greet a user" }).click();
    await waitUntilLive(page);
    await page.getByLabel("Whom", { exact: true }).fill("-x");
    await page.getByRole("button", { name: "Start job" }).click();
    await expect(page.getByRole("alert")).toContainText("Whom");
    await page.getByLabel("Whom", { exact: true }).fill("$(id) you");
    await page.getByLabel("Loudly").check();
    await page.getByRole("button", { name: "Start job" }).click();

    await expect(page).toHaveURL(/\/jobs\/\d+$/);
    await waitUntilLive(page);
    await expect(page.getByRole("main")).toContainText("the first quarter");
    await expect(page.getByRole("main")).toContainText("greets $(id) you!<b>");
    const text = page.locator(".line", { hasText: "greets" }).locator("> span").last();
    // Lines rendered by the server contain marker comments between the pieces.
    const pieces = async () => (await text.innerHTML()).replaceAll(/<!.*?>/g, "");
    const live = await pieces();
    expect(live).toBe(
      '<span data-paint="2b">greets</span><span data-paint=""> $(id) you!</span><span data-paint="r">&lt;b&gt;</span>',
    );
    await page.reload();
    await waitUntilLive(page);
    expect(await pieces()).toBe(live);
    writeFileSync(doneFile, "");
    await expect(state(page)).toHaveText(/Succeeded/);
    await page.close();
  });
});
