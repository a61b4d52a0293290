// A server with a task without checkpoints that runs until it is stopped.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type APIRequestContext } from "@playwright/test";
import { expect, Milepost, startJob, test as base } from "./milepost.ts";

export const test = base.extend<object, { milepost: Milepost }>({
  milepost: [
    async ({ role }, use) => {
      expect(role, "it has no accounts").toBe("none");
      const flags = ["--cancel-grace", "2s"];
      const milepost = new Milepost(flags);
      const file = join(milepost.home, "milepost.toml");
      writeFileSync(file, '[command.wait]\nname = "Wait"\nabout = "Waits."\nargv = ["sleep", "600"]\n');
      flags.push("--config", file);
      await milepost.start();
      await use(milepost);
      await milepost.remove();
    },
    { scope: "worker" },
  ],
});

/** Starts a job that waits, and waits until it runs. */
export async function startWaiting(request: APIRequestContext): Promise<number> {
  const job = await startJob(request, "wait");
  await expect.poll(async () => (await request.get(`/jobs/${job}`)).text()).toContain("Running");
  return job;
}
