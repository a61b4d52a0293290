// The script that loads the split files, with repeats.
import { readFileSync, writeFileSync } from "node:fs";

/** Put into the script in place of its function of this name, which reports a failed load to the wasm, which then panics. */
const repeating = `let cache;
function wrapAsyncCb(load) {
  return async (callback, data) => {
    for (let pause = 1_000; ; pause *= 4) {
      try {
        await load();
        break;
      } catch (error) {
        console.warn(error);
        cache = "reload"; // the browser may have saved a broken file
        await new Promise((again) => {
          setTimeout(again, Math.min(pause, 3_600_000));
          addEventListener("online", again, { once: true });
        });
      }
    }
    getSharedImports().__wasm_split.__indirect_function_table.get(callback)(data, true);
  };
}
`;

/** Makes the script repeat a load that failed, at growing intervals and when the browser is online again. */
export function repeatLoads(script) {
  const js = readFileSync(script, "utf8");
  const fetches = /fetch\((new URL\("[^"]+", import\.meta\.url\))\)/g;
  const report = /function wrapAsyncCb\(callee\) \{\n[\s\S]*?__indirect_function_table\.get\(callbackIndex\)\(callbackData, success\);[\s\S]*?\n\}\n/;
  if (!report.test(js) || !fetches.test(js)) {
    throw new Error(`${script}: wasm_split_cli_support writes another script now; compare it with frontend/split.mjs`);
  }
  writeFileSync(script, js.replace(report, () => repeating).replaceAll(fetches, "fetch($1, { cache })"));
}
