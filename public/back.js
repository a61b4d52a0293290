// On the page that says that the server cannot be reached: asks whether it is back, and then loads what was asked for.

const HOME = new URL("./", document.currentScript.src);
/** The longest pause between two questions, milliseconds: the first, and the last. */
const PAUSES = [1_000, 30_000];
let longest = PAUSES[0];
let planned;

// The page is the same for everybody; the colour scheme was chosen in this browser.
const theme = /(?:^|; )theme=(light|dark)/.exec(document.cookie)?.[1];
if (theme) document.documentElement.dataset.theme = theme;

async function ask() {
  const asked = document.hidden ? false : fetch(new URL("healthz", HOME), { cache: "no-store" }).then((answer) => answer.ok, () => false);
  if (await asked) return leave();
  // Full jitter: not all browsers ask at once.
  plan(500 + Math.random() * longest);
  longest = Math.min(PAUSES[1], 2 * longest);
}

function plan(pause) {
  clearTimeout(planned);
  planned = setTimeout(ask, pause);
}

/** Loads what was asked for. That may have been this page. */
function leave() {
  if (location.pathname === new URL("away", HOME).pathname) location.replace(HOME);
  else location.reload();
}

function hope() {
  longest = PAUSES[0];
  plan(Math.random() * longest);
}

hope();
addEventListener("online", hope);
addEventListener("visibilitychange", hope);
