// Service worker: shows saved pages while the server is unreachable. See "Offline" in docs/design/pages.md; disabling it is in
// docs/operations.md.
//
// The server always comes first. If it does not answer, the worker shows the saved copy of the overview or of the list of
// jobs, and a page that says that the server cannot be reached in place of every other page. It handles navigations and,
// while the server is unreachable, the assets of the saved pages; all other requests pass. The server decides in headers
// what may be saved: `milepost-keep` is the lifetime in seconds, `milepost-visitor` the session that a page belongs to.
// Pages of another session are deleted and never shown.
//
// The address of this script ends with `?` and the build, so that each build installs its own worker.

const HOME = new URL("./", location).href;
const CACHE = `milepost pages ${HOME}`;
/** The cache of the worker at `/away.js`, which this one replaces. Until the next release: see `away.js`. */
const OLD_CACHE = `milepost ${HOME}`;

/** The page shown in place of pages that are not saved. */
const OFFLINE_PAGE = new URL("offline", HOME).pathname;
/** The pages that are saved, and their names. */
const SAVED_PAGES = new Map([
  [new URL(HOME).pathname, "Overview"],
  [new URL("jobs", HOME).pathname, "Jobs"],
]);
/** Addresses below HOME that are not pages but calls, streams and files. */
const NOT_A_PAGE = /^(api|events|healthz)\b|^jobs\/\d+\/(artifacts|input|log|result)\b|\.\w+$/;
/** Paths of scripts, style sheets and icons. */
const ASSET = `${new URL(HOME).pathname}(?:pkg[^/"]*/[^/"]+|[a-z]+\\.(?:svg|js))`;

/** The session of pages that are shown signed out. */
const SIGNED_OUT = "nobody";
/** Statuses with which a proxy reports that no server is behind it. */
const NO_SERVER = [502, 503, 504];
/** How long the server may take before a saved copy is shown, milliseconds. */
const RESPONSE_TIMEOUT = 10_000;

/** Whether the last navigation got no response from the server. */
let offline = false;
/** How often all pages were deleted. A page that was requested before a deletion is not saved after it. */
let deletions = 0;
/** Changes to the cache run one after the other. */
let queue = Promise.resolve();
const enqueue = (work) => (queue = queue.then(work, work));

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(enqueue(saveOfflinePage));
});

addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([registration.navigationPreload?.enable(), clients.claim(), caches.delete(OLD_CACHE)]));
});

// A page reports that it is open.
addEventListener("message", (event) => event.waitUntil(enqueue(() => saveOpenPage(event.source)).catch(() => {})));

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (!url.href.startsWith(HOME)) return;
  // The form that signs out, and what a page requests when its session has ended.
  if ([`${HOME}api/sign_out`, `${HOME}service-worker.js?forget`].includes(url.href)) {
    deletions += 1;
    event.waitUntil(enqueue(deletePages));
  }
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(navigate(event));
  else if (offline && new RegExp(`^${ASSET}$`).test(url.pathname)) event.respondWith(asset(request));
});

/** Returns a page: from the server, else what is saved in its place. */
async function navigate(event) {
  const url = new URL(event.request.url);
  const fetched = fetchPage(event, url);
  event.waitUntil(fetched.catch(() => {}));
  const limited = SAVED_PAGES.has(url.pathname) && copyOf(url, await savedPages().catch(() => new Map()));
  try {
    const response = await (limited ? Promise.race([fetched, timeout()]) : fetched);
    offline = false;
    return response;
  } catch (error) {
    if (NOT_A_PAGE.test(url.pathname.slice(new URL(HOME).pathname.length))) throw error;
    offline = true;
    return offlineResponse(url);
  }
}

/** Fetches a page from the server and updates the cache. Throws if the server does not answer. */
async function fetchPage(event, url) {
  const before = deletions;
  const response = (await event.preloadResponse) ?? (await fetch(event.request));
  const session = response.headers.get("milepost-visitor");
  if (session === null && NO_SERVER.includes(response.status)) throw new Error(`The status is ${response.status}`);
  if (session === SIGNED_OUT) deletions += 1;
  if (session !== null) {
    const copy = response.headers.has("milepost-keep") ? response.clone() : null;
    const updated = enqueue(() => update(url, session, copy, before)).catch(() => {});
    // All saved pages are gone before a signed-out page is shown.
    if (session === SIGNED_OUT) await updated;
    else event.waitUntil(updated);
  }
  return response;
}

const timeout = () => new Promise((_, fail) => setTimeout(fail, RESPONSE_TIMEOUT, new Error("The response takes too long")));

/** Deletes pages of other sessions, and saves the response if there is one to save. */
async function update(url, session, response, before) {
  const others = [...(await savedPages()).values()].filter((page) => page.headers.get("milepost-visitor") !== session);
  if (others.length) await deletePages();
  if (response?.status === 200 && before === deletions) await savePage(url, response);
}

/** Saves a page after the assets that it needs, in place of its previous copy. */
async function savePage(url, response) {
  const html = await response.text();
  if (markAsCopy(html, 0) === html) return;
  const cache = await caches.open(CACHE);
  if (!(await cache.match(OFFLINE_PAGE))) await saveOfflinePage();
  await saveAssets(cache, html, false);
  const added = { "milepost-kept-at": Date.now(), "milepost-address": url.pathname + url.search };
  await cache.put(url.pathname, new Response(html, { headers: decodedHeaders(response, added) }));
  await saveAssets(cache, html, true);
  await deleteUnusedAssets(cache);
}

/** Saves a page that was loaded before the worker was installed. */
async function saveOpenPage(client) {
  const url = new URL(client.url);
  if (!SAVED_PAGES.has(url.pathname) || (await savedPages()).has(url.pathname)) return;
  const before = deletions;
  const response = await fetch(url, { headers: { accept: "text/html" }, redirect: "manual" });
  if (response.headers.has("milepost-keep")) await update(url, response.headers.get("milepost-visitor"), response, before);
}

async function saveOfflinePage() {
  const cache = await caches.open(CACHE);
  await cache.add(OFFLINE_PAGE);
  await saveAssets(cache, await (await cache.match(OFFLINE_PAGE)).text(), true);
}

/**
 * Returns the paths of what a page loads, and of the icons, which only scripts request. Reads `<link>` and `<script>`
 * elements alone: anywhere else a path may be part of a title. The server escapes each `<` of a title.
 */
function assetsOf(html) {
  const elements = html.match(/<link\b[^>]*>|<script\b[^>]*>.*?<\/script>/gs) ?? [];
  const named = [...elements.join("").matchAll(new RegExp(`"(${ASSET})"`, "g"))].map(([, path]) => path);
  return new Set([...named, new URL("icons.svg", HOME).pathname]);
}

/** Saves the assets of a page that are missing; with `refresh` also those that are there, unless named by their content. */
async function saveAssets(cache, html, refresh) {
  for (const path of assetsOf(html)) {
    const saved = Boolean(await cache.match(path));
    if (!saved || (refresh && !path.includes("/pkg-"))) await cache.add(path);
  }
}

/** Deletes the assets that no saved page needs: those of older builds. */
async function deleteUnusedAssets(cache) {
  const needed = new Set([OFFLINE_PAGE, ...SAVED_PAGES.keys()]);
  for (const path of [...needed]) {
    const page = await cache.match(path);
    if (page) for (const asset of assetsOf(await page.text())) needed.add(asset);
  }
  for (const key of await cache.keys()) if (!needed.has(new URL(key.url).pathname)) await cache.delete(key);
}

/** Deletes every saved page. */
async function deletePages() {
  const cache = await caches.open(CACHE);
  for (const path of SAVED_PAGES.keys()) await cache.delete(path);
}

/** Returns the saved pages by path, and deletes those whose lifetime is over. */
async function savedPages() {
  const cache = await caches.open(CACHE);
  const pages = new Map();
  for (const path of SAVED_PAGES.keys()) {
    const page = await cache.match(path);
    if (!page) continue;
    if (Math.abs(age(page)) < 1_000 * page.headers.get("milepost-keep")) pages.set(path, page);
    else await cache.delete(path);
  }
  return pages;
}

/** Age of a saved page, milliseconds. */
const age = (page) => Date.now() - page.headers.get("milepost-kept-at");

/** Returns the saved copy of exactly this address, else the offline page, which names the addresses of the saved pages. */
async function offlineResponse(url) {
  const pages = await savedPages();
  const page = copyOf(url, pages);
  return page ? new Response(markAsCopy(await page.text(), age(page)), { headers: page.headers }) : offlinePage(url, pages);
}

/** Returns the saved page of an address, if there is one. A list with another filter is another address. */
function copyOf(url, pages) {
  const page = pages.get(url.pathname);
  return page?.headers.get("milepost-address") === url.pathname + url.search ? page : undefined;
}

/** Marks a document as a copy and corrects its clock. Instants are microseconds. */
function markAsCopy(html, age) {
  return html.replace(/<html [^>]*>/, (tag) =>
    tag.replace(/data-now="(\d+)"/, (_, now) => `data-now="${Number(now) + 1_000 * Math.max(0, age)}" data-kept="${now}" data-copy`),
  );
}

async function offlinePage(url, pages) {
  const page = await (await caches.open(CACHE)).match(OFFLINE_PAGE);
  const links = await Promise.all([...pages].map(([path, saved]) => link(SAVED_PAGES.get(path), saved)));
  const html = (await page.text())
    .replace(/id="missing"[^>]*>/, (tag) => tag + escapeHtml(url.pathname + url.search))
    .replace(/id="copies"[^>]*>/, (tag) => tag + links.join(""));
  return new Response(html, { status: 503, headers: decodedHeaders(page) });
}

async function link(name, page) {
  const address = page.headers.get("milepost-address");
  const zone = / data-zone="([^"]+)"/.exec(await page.text())?.[1];
  const time = clock(Number(page.headers.get("milepost-kept-at")), zone);
  return `<li><a class="button" href="${escapeHtml(address, Infinity)}">${name} as of ${time}</a> <code>${escapeHtml(address)}</code></li>`;
}

/** Escapes an address for HTML, and cuts one that is too long to read. */
function escapeHtml(address, length = 200) {
  const text = address.length > length ? `${address.slice(0, length)}…` : address;
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

/** Time of day, in the time zone that the user has chosen, if any. */
function clock(at, timeZone) {
  const short = { hour: "2-digit", minute: "2-digit" };
  try {
    return new Date(at).toLocaleTimeString("en-GB", { ...short, timeZone });
  } catch {
    // This browser does not have that time zone.
    return new Date(at).toLocaleTimeString("en-GB", short);
  }
}

/** Headers of a response whose body has been decoded, with some added. */
function decodedHeaders(response, added = {}) {
  const headers = new Headers(response.headers);
  headers.delete("content-encoding");
  headers.delete("content-length");
  for (const [name, value] of Object.entries(added)) headers.set(name, value);
  return headers;
}

/** Returns an asset of a saved page. */
async function asset(request) {
  return (await (await caches.open(CACHE)).match(request, { ignoreVary: true })) ?? fetch(request);
}
