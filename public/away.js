// What a browser shows while the server is away: Milepost's service worker. See "When the server is away" in
// docs/architecture.md; how to be rid of it stands in docs/operations.md.
//
// The server always comes first. Where it does not answer, this shows the overview and the list of jobs as they were last
// looked at, and in place of any other page one that says that the server cannot be reached. It answers navigations and,
// while the server is away, asks for the files of what it shows; everything else passes it by. What may be kept the
// server says in headers: `milepost-keep` for how many seconds, `milepost-visitor` for whom. Nobody sees another's.
//
// Its address ends with `?` and the build, so that each build brings a worker of its own.

const HOME = new URL("./", location).href;
const CACHE = `milepost ${HOME}`;

/** The page in place of those that are not kept. */
const AWAY = new URL("away", HOME).pathname;
/** The pages that are kept, and their names. */
const NAMES = new Map([
  [new URL(HOME).pathname, "Overview"],
  [new URL("jobs", HOME).pathname, "Jobs"],
]);
/** Addresses below HOME that are no pages, but calls, streams and files. */
const NO_PAGE = /^(api|events|healthz)\b|^jobs\/\d+\/(artifacts|input|log|result)\b|\.\w+$/;
/** Paths of script, style and icons. */
const FILE = `${new URL(HOME).pathname}(?:pkg[^/"]*/[^/"]+|[a-z]+\\.(?:svg|js))`;

/** The visitor whom the pages outside are for. */
const NOBODY = "nobody";
/** What a proxy answers where no server is behind it. */
const NO_SERVER = [502, 503, 504];
/** So long the server may think before a copy is shown, milliseconds. */
const PATIENCE = 10_000;

/** Whether the last page did not come from the server. */
let away = false;
/** How often all was to be forgotten: what was asked for before is not kept after. */
let forgotten = 0;
/** What is done to the cache is done one after the other. */
let turn = Promise.resolve();
const inTurn = (work) => (turn = turn.then(work, work));

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(inTurn(keepAwayPage));
});

addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([registration.navigationPreload?.enable(), clients.claim()]));
});

// A page says that it is open.
addEventListener("message", (event) => event.waitUntil(inTurn(() => keepOpenPage(event.source)).catch(() => {})));

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (!url.href.startsWith(HOME)) return;
  // The form that signs out, and what a page asks for when it learns that its session is over.
  if ([`${HOME}api/sign_out`, `${HOME}away.js?forget`].includes(url.href)) {
    forgotten += 1;
    event.waitUntil(inTurn(forget));
  }
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(navigate(event));
  else if (away && new RegExp(`^${FILE}$`).test(url.pathname)) event.respondWith(file(request));
});

/** A page: from the server, else what stands in for it. */
async function navigate(event) {
  const url = new URL(event.request.url);
  const asked = ask(event, url);
  event.waitUntil(asked.catch(() => {}));
  const patience = NAMES.has(url.pathname) && (await copies().catch(() => new Map())).has(url.pathname);
  try {
    const answer = await (patience ? Promise.race([asked, tooLong()]) : asked);
    away = false;
    return answer;
  } catch (error) {
    if (NO_PAGE.test(url.pathname.slice(new URL(HOME).pathname.length))) throw error;
    away = true;
    return standIn(url);
  }
}

/** Asks the server, and learns from what it answers. Throws where it does not. */
async function ask(event, url) {
  const before = forgotten;
  const answer = (await event.preloadResponse) ?? (await fetch(event.request));
  const visitor = answer.headers.get("milepost-visitor");
  if (visitor === null && NO_SERVER.includes(answer.status)) throw new Error(`The answer is ${answer.status}`);
  if (visitor === NOBODY) forgotten += 1;
  if (visitor !== null) {
    const copy = answer.headers.has("milepost-keep") ? answer.clone() : null;
    const learned = inTurn(() => learn(url, visitor, copy, before)).catch(() => {});
    // Whoever is shown the door is out once they see it.
    if (visitor === NOBODY) await learned;
    else event.waitUntil(learned);
  }
  return answer;
}

const tooLong = () => new Promise((_, fail) => setTimeout(fail, PATIENCE, new Error("It takes too long")));

/** Forgets what is another visitor's, and keeps the answer, if there is one to keep. */
async function learn(url, visitor, answer, before) {
  const others = [...(await copies()).values()].filter((copy) => copy.headers.get("milepost-visitor") !== visitor);
  if (others.length) await forget();
  if (answer?.status === 200 && before === forgotten) await keep(url, answer);
}

/** Keeps a page, after the files that it needs, in place of the one from before. */
async function keep(url, answer) {
  const html = await answer.text();
  if (mark(html, 0) === html) return;
  const cache = await caches.open(CACHE);
  if (!(await cache.match(AWAY))) await keepAwayPage();
  await keepFiles(cache, html, false);
  const kept = { "milepost-kept-at": Date.now(), "milepost-address": url.pathname + url.search };
  await cache.put(url.pathname, new Response(html, { headers: plain(answer, kept) }));
  await keepFiles(cache, html, true);
  await dropFiles(cache);
}

/** Keeps a page that came before the worker did. */
async function keepOpenPage(client) {
  const url = new URL(client.url);
  if (!NAMES.has(url.pathname) || (await copies()).has(url.pathname)) return;
  const before = forgotten;
  const answer = await fetch(url, { headers: { accept: "text/html" }, redirect: "manual" });
  if (answer.headers.has("milepost-keep")) await learn(url, answer.headers.get("milepost-visitor"), answer, before);
}

async function keepAwayPage() {
  const cache = await caches.open(CACHE);
  await cache.add(AWAY);
  await keepFiles(cache, await (await cache.match(AWAY)).text(), true);
}

/**
 * What a page loads, and the icons, which only scripts ask for. Read from `<link>` and `<script>` elements alone: anywhere
 * else a name may be part of a title. The server writes no `<` of a title as it is.
 */
function filesOf(html) {
  const elements = html.match(/<link\b[^>]*>|<script\b[^>]*>.*?<\/script>/gs) ?? [];
  const named = [...elements.join("").matchAll(new RegExp(`"(${FILE})"`, "g"))].map(([, path]) => path);
  return new Set([...named, new URL("icons.svg", HOME).pathname]);
}

/** Keeps the files of a page: those that are not there yet, or `anew` those that are, unless they are named by content. */
async function keepFiles(cache, html, anew) {
  for (const path of filesOf(html)) {
    const known = Boolean(await cache.match(path));
    if (!known || (anew && !path.includes("/pkg-"))) await cache.add(path);
  }
}

/** Drops the files that no kept page needs: those of older builds. */
async function dropFiles(cache) {
  const needed = new Set([AWAY, ...NAMES.keys()]);
  for (const path of [...needed]) {
    const page = await cache.match(path);
    if (page) for (const file of filesOf(await page.text())) needed.add(file);
  }
  for (const key of await cache.keys()) if (!needed.has(new URL(key.url).pathname)) await cache.delete(key);
}

/** Forgets every page. */
async function forget() {
  const cache = await caches.open(CACHE);
  for (const path of NAMES.keys()) await cache.delete(path);
}

/** The pages that are kept, by path. One that was kept for as long as it may be is dropped. */
async function copies() {
  const cache = await caches.open(CACHE);
  const found = new Map();
  for (const path of NAMES.keys()) {
    const copy = await cache.match(path);
    if (!copy) continue;
    if (Math.abs(age(copy)) < 1_000 * copy.headers.get("milepost-keep")) found.set(path, copy);
    else await cache.delete(path);
  }
  return found;
}

/** How long ago a copy was made, milliseconds. */
const age = (copy) => Date.now() - copy.headers.get("milepost-kept-at");

/** What is shown in place of a page: its copy, or what says that there is none and which there are. */
async function standIn(url) {
  const found = await copies();
  const copy = found.get(url.pathname);
  const address = copy?.headers.get("milepost-address");
  if (address === url.pathname + url.search) {
    return new Response(mark(await copy.text(), age(copy)), { headers: copy.headers });
  }
  // "Jobs" in the navigation means the list as it was looked at last.
  if (copy && !url.search) return Response.redirect(address);
  return awayPage(found);
}

/** Says in a document that it is a copy, and of when, and puts its clock right. Instants are microseconds. */
function mark(html, age) {
  return html.replace(/<html [^>]*>/, (tag) =>
    tag.replace(/data-now="(\d+)"/, (_, now) => `data-now="${Number(now) + 1_000 * Math.max(0, age)}" data-kept="${now}" data-copy`),
  );
}

async function awayPage(found) {
  const page = await (await caches.open(CACHE)).match(AWAY);
  const links = await Promise.all([...found].map(([path, copy]) => link(NAMES.get(path), copy)));
  const html = (await page.text()).replace(/id="copies"[^>]*>/, (tag) => tag + links.join(""));
  return new Response(html, { status: 503, headers: plain(page) });
}

async function link(name, copy) {
  const address = copy.headers.get("milepost-address").replaceAll("&", "&amp;");
  const zone = / data-zone="([^"]+)"/.exec(await copy.text())?.[1];
  return `<a class="button" href="${address}">${name} as of ${clock(Number(copy.headers.get("milepost-kept-at")), zone)}</a>`;
}

/** The time of day of a moment, in the zone that the visitor has chosen, if any. */
function clock(at, timeZone) {
  const short = { hour: "2-digit", minute: "2-digit" };
  try {
    return new Date(at).toLocaleTimeString("en-GB", { ...short, timeZone });
  } catch {
    // A zone that this browser does not know.
    return new Date(at).toLocaleTimeString("en-GB", short);
  }
}

/** The headers of an answer whose text is at hand, and some more. */
function plain(answer, more = {}) {
  const headers = new Headers(answer.headers);
  headers.delete("content-encoding");
  headers.delete("content-length");
  for (const [name, value] of Object.entries(more)) headers.set(name, value);
  return headers;
}

/** A file of a page that is kept. */
async function file(request) {
  return (await (await caches.open(CACHE)).match(request, { ignoreVary: true })) ?? fetch(request);
}
