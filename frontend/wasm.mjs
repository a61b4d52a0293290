// What wasm-opt has no option for. `node wasm.mjs FILE` replaces the panics of a file.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import binaryen from "binaryen";

const PANICS =
  /panicking|panic_access|panic_already|panic_poisoned|unwrap_failed|expect_failed|assert_failed|slice_error_fail|slice_index_fail|len_mismatch_fail|raw_vec.*(handle_error|capacity_overflow)|handle_alloc_error/;

/**
 * Replaces the body of every function that only panics by a trap. The browser shows no message of a panic, and the texts
 * and their formatting are 3 % of the wasm. Panics still trap: `--traps-never-happen` would make undefined behaviour of
 * them.
 */
function withoutPanics(file) {
  const module = binaryen.readBinary(readFileSync(file));
  for (let i = 0; i < module.getNumFunctions(); i++) {
    const { name, module: imported } = binaryen.getFunctionInfo(module.getFunctionByIndex(i));
    if (!imported && PANICS.test(name) && !name.includes("drop_in_place")) {
      binaryen.Function(module.getFunctionByIndex(i)).body = module.unreachable();
    }
  }
  writeFileSync(file, module.emitBinary());
}

function number(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value |= (byte & 127) << shift;
    if (byte < 128) return [value >>> 0, at];
  }
}

function encoded(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}

/** Where an import's description after its names ends. */
function endOfImport(bytes, at) {
  const kind = bytes[at++];
  if (kind === 3) return at + 2; // global
  if (kind === 1) at++; // type of a table
  if (kind === 0) return number(bytes, at)[1]; // function
  const [limits, least] = number(bytes, at);
  const [, most] = number(bytes, least);
  return limits & 1 ? number(bytes, most)[1] : most;
}

/**
 * Shortens the names by which wasm and script import from each other, such as `__wbg_getItem_c27c4c4bdafb9b6c`: 4 % of
 * both.
 */
export function shorten(file, script) {
  const bytes = readFileSync(file);
  let js = readFileSync(script, "utf8");
  const short = new Map();
  const shortened = (name) => {
    if (!/^__wb[a-z]*_/.test(name) || !js.includes(name)) return Buffer.from(name);
    if (!short.has(name)) short.set(name, `_${short.size.toString(36)}`);
    return Buffer.from(short.get(name));
  };
  const out = [bytes.subarray(0, 8)];
  for (let at = 8; at < bytes.length; ) {
    const [size, start] = number(bytes, at + 1);
    const id = bytes[at];
    const parts = [bytes.subarray(at, start + size)];
    if (id === 2 || id === 7) {
      let [count, next] = number(bytes, start);
      parts.splice(0, 1, encoded(count));
      const name = () => {
        const [length, from] = number(bytes, next);
        next = from + length;
        return bytes.subarray(from, next);
      };
      for (; count > 0; count--) {
        const names = id === 2 ? [name(), shortened(String(name()))] : [shortened(String(name()))];
        const from = next;
        next = id === 2 ? endOfImport(bytes, next) : number(bytes, next + 1)[1];
        parts.push(...names.flatMap((text) => [encoded(text.length), text]), bytes.subarray(from, next));
      }
      const body = Buffer.concat(parts);
      parts.splice(0, parts.length, Buffer.from([id]), encoded(body.length), body);
    }
    out.push(...parts);
    at = start + size;
  }
  for (const [long, name] of short) js = js.replaceAll(new RegExp(`\\b${long}\\b`, "g"), name);
  writeFileSync(file, Buffer.concat(out));
  writeFileSync(script, js);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.argv.slice(2).forEach(withoutPanics);
