// A program of the operator's, from its table in the configuration file to the end of its job.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, live, Milepost, state, test } from "./milepost.ts";

const script = `
echo '{"progress":0.25,"message":"the first quarter"}'
printf '\\033[1;32mgreets\\033[0m %s\\033[7m<b>\\033[m\\n' "$1$2"
while [ ! -e "$3" ]; do sleep 0.05; done
echo '{"progress":0.75,"message":"nearly there"}'
`;

test.describe("a command", () => {
  let milepost: Milepost;
  let gate: string;

  test.beforeAll(async () => {
    const flags: string[] = [];
    milepost = new Milepost(flags);
    gate = join(milepost.home, "gate");
    const file = join(milepost.home, "milepost.toml");
    writeFileSync(
      file,
      `[command.greet]
name = "Greet somebody"
about = "Says hello, when the gate is open."
title = "Greet {{whom}}"
argv = ["sh", "-c", '''${script}''', "sh", "{{whom}}", "{{loud?!}}", "${gate}"]
[command.greet.parameters]
whom = { type = "string", title = "Whom" }
loud = { type = "boolean", title = "Loudly" }
`,
    );
    flags.push("--config", file);
    await milepost.start();
  });
  test.afterAll(async () => milepost.remove());

  test("with parameters is chosen, filled in, followed and over", async ({ browser }) => {
    const page = await browser.newPage({ baseURL: milepost.url });
    await page.goto("/new");
    await page.getByRole("main").getByRole("link", { name: "Greet somebody" }).click();
    await live(page);
    await page.getByLabel("Whom", { exact: true }).fill("-x");
    await page.getByRole("button", { name: "Start job" }).click();
    await expect(page.getByRole("alert")).toContainText("Whom");
    await page.getByLabel("Whom", { exact: true }).fill("$(id) you");
    await page.getByLabel("Loudly").check();
    await page.getByRole("button", { name: "Start job" }).click();

    await expect(page).toHaveURL(/\/jobs\/\d+$/);
    await live(page);
    await expect(page.getByRole("main")).toContainText("the first quarter");
    await expect(page.getByRole("main")).toContainText("greets $(id) you!<b>");
    const text = page.locator(".line", { hasText: "greets" }).locator("> span").last();
    // Lines that the server has drawn have marks of its own between the pieces.
    const pieces = async () => (await text.innerHTML()).replaceAll(/<!.*?>/g, "");
    const cameLive = await pieces();
    expect(cameLive).toBe(
      '<span data-paint="2b">greets</span><span data-paint=""> $(id) you!</span><span data-paint="r">&lt;b&gt;</span>',
    );
    await page.reload();
    await live(page);
    expect(await pieces()).toBe(cameLive);
    writeFileSync(gate, "");
    await expect(state(page)).toHaveText(/Succeeded/);
    await page.close();
  });
});
