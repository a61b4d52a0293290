// Reads pairs of type and text from the standard input with the wasm, and writes what each prints.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [folder] = process.argv.slice(2);
const { initSync, read } = await import(join(folder, "json.js"));
initSync({ module: readFileSync(join(folder, "json_bg.wasm")) });
const pairs = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(pairs.map(([type, text]) => read(type, text) ?? null)));
