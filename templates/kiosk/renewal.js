/** The page of another version: after an upgrade of the server a screen that is never closed loads it by itself. */

const place = 'assetra-kiosk-renewed';
const own = document.documentElement.dataset.page;
/** How often it is looked whether nobody scans just now, in ms. */
const interval = 1_000;
let renewing = false;

/** `isQuiet()`: nobody would miss the page for a second. Once for each version, as what stands between may keep an old one. */
export async function renew(page, isQuiet) {
  if (page === own || renewing || sessionStorage.getItem(place) === page) return;
  renewing = true;
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  // The worker of the new page keeps all its files before it takes over: a page is never half old, half new.
  if (registration) await taken(registration).catch(() => {});
  const timer = setInterval(() => {
    if (!isQuiet()) return;
    clearInterval(timer);
    sessionStorage.setItem(place, page);
    location.reload();
  }, interval);
}

async function taken(registration) {
  const changed = new Promise((resolve) =>
    navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }),
  );
  await registration.update();
  const late = new Promise((resolve) => setTimeout(resolve, 10_000));
  await Promise.race([changed, late]);
}
