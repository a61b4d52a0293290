// Runs on the page that says that the server cannot be reached: checks whether it is back, then loads what was requested.

const HOME = new URL("./", document.currentScript.src);
/** Upper limits of the pause between two checks, milliseconds: the first, and the last. */
const PAUSES = [1_000, 30_000];
let longest = PAUSES[0];
let timer;

// The page is the same for every user; the colour scheme was chosen in this browser.
const theme = /(?:^|; )theme=(light|dark)/.exec(document.cookie)?.[1];
if (theme) document.documentElement.dataset.theme = theme;

async function check() {
  const reachable = document.hidden ? false : fetch(new URL("healthz", HOME), { cache: "no-store" }).then((response) => response.ok, () => false);
  if (await reachable) return reload();
  // Full jitter: not all browsers check at the same moment.
  schedule(500 + Math.random() * longest);
  longest = Math.min(PAUSES[1], 2 * longest);
}

function schedule(pause) {
  clearTimeout(timer);
  timer = setTimeout(check, pause);
}

/** Loads what was requested. That may have been this page. */
function reload() {
  if (location.pathname === new URL("offline", HOME).pathname) location.replace(HOME);
  else location.reload();
}

function checkSoon() {
  longest = PAUSES[0];
  schedule(Math.random() * longest);
}

checkSoon();
addEventListener("online", checkSoon);
addEventListener("visibilitychange", checkSoon);
