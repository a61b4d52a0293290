// The service worker of earlier releases had this address. A browser that still has it fetches this script as its update,
// which removes the worker and its saved pages; `service-worker.js` takes its place. Delete this file one release later.

const HOME = new URL("./", location).href;

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(remove()));

async function remove() {
  await caches.delete(`milepost ${HOME}`);
  // A page has registered the new worker already: it has the same scope, and unregistering would remove it, too.
  if (registration.installing || registration.waiting) return;
  await registration.unregister();
}
