/** Keeps the page itself, so that a screen that is switched on while the server is away still takes scans. */
const files = [
  './',
  'kiosk.css',
  'kiosk.js',
  'api.js',
  'details.js',
  'outbox.js',
  'queue.js',
  'screen.js',
  'sound.js',
  'stream.js',
  'wedge.js',
];
const store = 'assetra-kiosk-page';

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(store).then((cache) => cache.addAll(files)));
  self.skipWaiting();
});
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
  // Requests to the API pass by: they come from the page, too.
  const own = event.request.url.startsWith(new URL('./', location.href).href);
  if (event.request.method === 'GET' && own) event.respondWith(newest(event.request));
});

/** From the server, and kept; what was kept last when it cannot be had. */
async function newest(request) {
  const cache = await caches.open(store);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(request, answer.clone());
    if (answer.status < 500) return answer;
  } catch {
    // Told by what is answered instead.
  }
  // What answers vary by is the origin, and a module asks with one where the cache asked without.
  return (await cache.match(request, { ignoreSearch: true, ignoreVary: true })) ?? Response.error();
}
