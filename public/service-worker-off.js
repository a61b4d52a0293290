// Service worker that removes itself and all saved pages: served as `service-worker.js` with `--kept-pages false`.

const HOME = new URL("./", location).href;

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(remove()));

async function remove() {
  // The second name is that of the worker at `/away.js`, until the next release.
  await Promise.all([caches.delete(`milepost pages ${HOME}`), caches.delete(`milepost ${HOME}`)]);
  await registration.unregister();
}
