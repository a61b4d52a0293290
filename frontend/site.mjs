// The browser's files, target/site: wasm, script, style and the files of public/, each also compressed. Made from the
// metadata that cargo-leptos reads, and into the same places.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { repeatLoads } from "./split.mjs";

/** Where `cargo` compiles for the browser: apart from the server, so that both compile at once. */
const TARGET_DIR = "target/front";
const WASM_TARGET = "wasm32-unknown-unknown";

/** The list of the other files, as sha256sum prints it: the program that embeds the site is compiled again when it changes. */
const DIGESTS = "SHA256SUMS";

/** Without names. */
const WASM_OPT = ["-Os", "--enable-bulk-memory", "--enable-nontrapping-float-to-int", "--strip-debug", "--strip-producers"];

/**
 * The `[[workspace.metadata.leptos]]` of Cargo.toml.
 * @typedef {Record<"lib-package" | "lib-profile-release" | "output-name" | "site-root" | "site-pkg-dir" | "style-file"
 *   | "assets-dir" | "browserquery", string>} Metadata
 */

/** The arguments of `cargo` that compile the wasm. */
export const compileArguments = (/** @type {Metadata} */ metadata) => [
  "build",
  ...["--package", metadata["lib-package"], "--lib", "--profile", metadata["lib-profile-release"]],
  ...["--target", WASM_TARGET, "--target-dir", TARGET_DIR],
];

/** The arguments of `cargo` that build our wasm-bindgen. */
export const bindgenArguments = ["build", "--package", "milepost-bindgen"];

/**
 * Makes the site from the compiled wasm. Files whose content stays are not touched, so that the server that embeds them
 * is not compiled again.
 * @param {Metadata} metadata
 * @param {(command: string, ...args: string[]) => Promise<void>} run runs a program to its end, or throws
 * @param {(what: string) => void} report what is going on
 */
export async function makeSite(metadata, run, report) {
  const name = metadata["output-name"];
  const library = `${metadata["lib-package"].replaceAll("-", "_")}.wasm`;
  const compiled = join(TARGET_DIR, WASM_TARGET, metadata["lib-profile-release"], library);
  const work = join(TARGET_DIR, "site");
  const program = { wasm: join(work, `${name}_bg.wasm`), script: join(work, `${name}.js`) };

  const tools = Buffer.concat(["package-lock.json", "site.mjs", "split.mjs", "wasm.mjs"].map((file) => readFileSync(join("frontend", file))));
  const source = digest(readFileSync(compiled), tools);
  const stamp = join(work, "source");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== source) {
    rmSync(work, { recursive: true, force: true });
    report("wasm-bindgen");
    await run("target/debug/bindgen", compiled, work, name);
    report("wasm-opt");
    const parts = list(work).map((file) => join(work, file));
    for (const part of parts.filter((file) => file.endsWith(".wasm"))) {
      await run(process.execPath, "frontend/wasm.mjs", part); // apart, because it prints warnings about names
      await run("wasm-opt", ...WASM_OPT, part, "-o", part);
    }
    const { shorten } = await import("./wasm.mjs"); // needs a package that may have been installed since the start
    shorten(program.wasm, program.script);
    parts.filter((file) => /__wasm_split\..*\.js$/.test(file)).forEach(repeatLoads);
    const scripts = parts.filter((file) => file.endsWith(".js"));
    await run("esbuild", ...scripts, "--minify", "--format=esm", "--allow-overwrite", `--outdir=${work}`);
    writeFileSync(stamp, source);
  }

  report("style");
  const style = join(work, `${name}.css`);
  await run("lightningcss", "--bundle", "--minify", "--targets", metadata.browserquery, metadata["style-file"], "-o", style);

  const folder = metadata["site-pkg-dir"];
  const files = new Map([
    ...list(work)
      .filter((file) => /\.(wasm|js|css)$/.test(file))
      .map((file) => [join(folder, file.replace(`${name}_bg.`, `${name}.`)), readFileSync(join(work, file))]),
    ...list(metadata["assets-dir"]).map((file) => [file, readFileSync(join(metadata["assets-dir"], file))]),
  ]);
  report("compression");
  await Promise.all([...files].map(([file, content]) => compress(metadata["site-root"], file, content, files)));
  files.set(DIGESTS, Buffer.from([...files].map(([file, content]) => `${digest(content)}  ${file}\n`).sort().join("")));
  write(metadata["site-root"], files);
}

function digest(/** @type {Buffer[]} */ ...contents) {
  return contents.reduce((hash, content) => hash.update(content), createHash("sha256")).digest("hex");
}

/** Adds FILE.br and FILE.gz to `files`, those of `site` where the file is the same. */
async function compress(site, file, content, files) {
  const same = existsSync(join(site, file)) && readFileSync(join(site, file)).equals(content);
  const size = content.length;
  const ways = {
    br: () => promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: size } }),
    gz: () => promisify(gzip)(content, { level: 9 }),
  };
  for (const [ending, way] of Object.entries(ways)) {
    const packed = join(site, `${file}.${ending}`);
    files.set(`${file}.${ending}`, same && existsSync(packed) ? readFileSync(packed) : await way());
  }
}

/** Makes `folder` contain `files` and nothing else. */
function write(folder, files) {
  for (const file of existsSync(folder) ? list(folder) : []) {
    if (!files.has(file)) rmSync(join(folder, file));
  }
  for (const [file, content] of files) {
    const path = join(folder, file);
    if (existsSync(path) && readFileSync(path).equals(content)) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

/** The files of a folder and of those in it, as paths from there. */
function list(folder) {
  return readdirSync(folder, { recursive: true }).filter((file) => statSync(join(folder, file)).isFile());
}
