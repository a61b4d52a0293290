// Single binary: it needs no file beside it, no build folder and no environment.
import { expect, Milepost, startJob, test } from "./support/milepost.ts";

test.describe("single binary", () => {
  let milepost: Milepost;

  test.beforeAll(async () => {
    milepost = await new Milepost([], true).start();
  });
  test.afterAll(async () => milepost.remove());

  test("serves every page and its assets without other files", async ({ browser }) => {
    const context = await browser.newContext({ baseURL: milepost.url });
    const page = await context.newPage();
    const failed: string[] = [];
    const types = new Map<string, string>();
    page.on("response", (response) => {
      const path = new URL(response.url()).pathname;
      types.set(path, response.headers()["content-type"] ?? "");
      if (response.status() >= 400) failed.push(`${response.status()} ${path}`);
    });
    page.on("pageerror", (error) => failed.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") failed.push(message.text());
    });

    const job = await startJob(context.request, "demo", { seconds: 1 });
    for (const path of ["/", "/jobs", `/jobs/${job}`, "/new", "/new/checksum", "/new/import-csv", "/new/check-links", "/new/demo"]) {
      await page.goto(path);
      await page.locator("html[data-live=on]").waitFor();
    }
    expect(failed).toEqual([]);
    for (const wanted of [/^\/pkg-[0-9a-f]{12}\/milepost\.js$/, /\/milepost\.wasm$/, /\/milepost\.css$/]) {
      expect([...types.keys()].some((path) => wanted.test(path)), `${wanted} among ${[...types.keys()]}`).toBe(true);
    }
    // Fetched only when a script changes an icon, which may not happen on these pages.
    const icons = await context.request.get("/icons.svg");
    expect(icons.headers()["content-type"]).toBe("image/svg+xml");
    await context.close();
  });

  test("serves compressed assets with an immutable cache policy", async ({ request }) => {
    const html = await (await request.get(`${milepost.url}/`)).text();
    const folder = /\/(pkg-[0-9a-f]{12})\//.exec(html)?.[1];
    const kinds = { "milepost.js": "text/javascript", "milepost.wasm": "application/wasm", "milepost.css": "text/css" };
    for (const [name, type] of Object.entries(kinds)) {
      const path = `${milepost.url}/${folder}/${name}`;
      const whole = await request.get(path, { headers: { "accept-encoding": "identity" } });
      expect(whole.status(), path).toBe(200);
      for (const encoding of ["br", "gzip"]) {
        const small = await request.head(path, { headers: { "accept-encoding": encoding } });
        const headers = small.headers();
        expect(headers["content-encoding"], path).toBe(encoding);
        expect(headers["content-type"], path).toContain(type);
        expect(headers["cache-control"], path).toBe("public, max-age=31536000, immutable");
        expect(Number(headers["content-length"]), path).toBeLessThan((await whole.body()).length * 0.6);
      }
    }
  });

  test("returns 404 for assets of another build", async ({ request }) => {
    expect((await request.get(`${milepost.url}/pkg-000000000000/milepost.js`)).status()).toBe(404);
  });
});
