// Answered as `away.js` where nothing may be kept in browsers: takes away what was, and itself.

const CACHE = `milepost ${new URL("./", location).href}`;

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(Promise.all([caches.delete(CACHE), registration.unregister()])));
