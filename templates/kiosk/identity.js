/** Whose screen this is: what pairing answered, kept in this browser and shared by its windows. */

const place = 'assetra-kiosk';

/** Null when it was never paired; without token when it was shut out. */
export function recall() {
  try {
    return JSON.parse(localStorage.getItem(place) ?? 'null');
  } catch {
    return null;
  }
}

export const remember = (identity) => localStorage.setItem(place, JSON.stringify(identity));
export const forget = () => localStorage.removeItem(place);

/** `changed()` when another window of this browser was paired, unpaired or shut out. */
export const watch = (changed) =>
  addEventListener('storage', ({ key }) => {
    if (key === place || key === null) changed();
  });
