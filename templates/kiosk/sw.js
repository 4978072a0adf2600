/** Keeps the page itself, so that a screen that is switched on while the server is away still takes scans. */
const files = [
  './',
  'kiosk.css',
  'kiosk.js',
  'api.js',
  'clock.js',
  'details.js',
  'identity.js',
  'keyboard.js',
  'modes.js',
  'outbox.js',
  'queue.js',
  'renewal.js',
  'screen.js',
  'sound.js',
  'stream.js',
  'teller.js',
  'verdict.js',
  'wedge.js',
];
const prefix = 'assetra-kiosk-page';
const store = `${prefix}-{{page}}`;

// All or nothing, and past what the browser has of an older one.
self.addEventListener('install', (event) => {
  const requests = files.map((file) => new Request(file, { cache: 'reload' }));
  event.waitUntil(caches.open(store).then((cache) => cache.addAll(requests)));
  self.skipWaiting();
});
self.addEventListener('activate', (event) => {
  event.waitUntil(removeOlder().then(() => self.clients.claim()));
});
self.addEventListener('fetch', (event) => {
  // Requests to the API pass by: they come from the page, too.
  const own = event.request.url.startsWith(new URL('./', location.href).href);
  if (event.request.method === 'GET' && own) event.respondWith(kept(event.request));
});

async function removeOlder() {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name.startsWith(prefix) && name !== store).map((name) => caches.delete(name)),
  );
}

/** All files of one version, also while the server has a newer one: renewal.js sees to that. */
async function kept(request) {
  const cache = await caches.open(store);
  // What answers vary by is the origin, and a module asks with one where the cache asked without.
  return (await cache.match(request, { ignoreSearch: true, ignoreVary: true })) ?? fetch(request);
}
