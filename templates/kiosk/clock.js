/** The server's time: a kiosk's own clock is often wrong, and scans carry the time at which they were made. */

const place = 'assetra-kiosk-clock';
/** A difference below this is the answer's way, and that its time is in whole seconds. In ms. */
const noise = 2_500;
let difference = Number(kept()) || 0;

export const now = () => Date.now() + difference;
export const timestamp = () => new Date(now()).toISOString();

/** From an answer's `Date`. */
export function learn(date) {
  const found = Date.parse(date ?? '') - Date.now();
  if (Number.isNaN(found) || Math.abs(found - difference) < noise) return;
  difference = Math.abs(found) < noise ? 0 : found;
  try {
    localStorage.setItem(place, String(difference));
  } catch {
    // It is learnt again with the next answer.
  }
}

function kept() {
  try {
    return localStorage.getItem(place);
  } catch {
    return null;
  }
}
