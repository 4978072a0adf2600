/** Tells what became of scans, by the answer or by the stream, whichever is first: each once. */
import { now } from './clock.js';
import { verdictOf } from './verdict.js';

/** A scan that was captured so long before it was recorded is news of the past, in ms. */
const old = 60_000;
/** Scans of which it is remembered that they were told, long after they have left the list; assets that are known by name. */
const remembered = 5_000;
/** Scans that a page begins with. */
const first = 12;

/** `ask(path)` reads from the API. */
export function createTeller({ screen, sound, modes, identity, ask }) {
  const told = new Map();
  const scans = new Map();
  const assets = new Map();
  const places = new Map();

  const settle = (event, action, at, loud) => {
    const id = event.client_event_id;
    const { outcome, state, ...words } = verdictOf(event, action, assets.get(event.asset), placeOf);
    const former = told.get(id);
    if (former === outcome || (former !== undefined && !action)) return;
    keep(told, id, outcome);
    // The list has lost it: it was told long ago.
    if (former !== undefined && !screen.entry(id)) return;
    screen.put(id, { at, state, ...words }, loud);
    if (loud) sound.play(state);
    if (event.asset !== null) name(event, action);
  };
  /** Fills in what the asset is called and where it is, as soon as that is known. */
  const name = async (event, action) => {
    const show = () => {
      if (!screen.entry(event.client_event_id)) return;
      const { outcome, state, ...words } = verdictOf(event, action, assets.get(event.asset), placeOf);
      screen.put(event.client_event_id, words);
    };
    try {
      if (!assets.has(event.asset)) {
        keep(assets, event.asset, await ask(`assets/${event.asset}/`));
        show();
      }
      const { current_location: place } = assets.get(event.asset);
      if (place === null || places.has(place)) return;
      keep(places, place, (await ask(`locations/${place}/`)).name);
      show();
    } catch {
      // The code stands there already, and that it is known.
    }
  };
  const placeOf = (id) => places.get(id);

  return {
    answered: ({ at }, { scan, outcome, message, mode: next_mode, mode_until, state }) => {
      const { name: device, mode: rest_mode = 'record' } = identity();
      const subject = state.member_name || state.place_name;
      const action = { device, outcome, message, next_mode, rest_mode, mode_until, subject };
      // Hundreds that waited for hours are not sounded one after the other.
      const loud = now() - Date.parse(at) < old;
      modes.tell(device, action, loud);
      settle(scan, action, at, loud);
    },
    news: (data, whole) => {
      if (whole) {
        assets.clear();
        places.clear();
      }
      for (const asset of data.assets) keep(assets, asset.id, asset);
      for (const id of data.deleted_assets ?? []) assets.delete(id);
      const events = data.scan_events.filter((event) => isOurs(event, identity())).sort(byId);
      for (const event of events) keep(scans, event.id, event);
      const actions = [...(data.device_actions ?? [])].sort(byId).filter(({ scan_event: id }) => scans.has(id));
      const actionOf = new Map(actions.map((action) => [action.scan_event, action]));
      const late = actions.map(({ scan_event: id }) => scans.get(id)).filter((event) => !events.includes(event));
      const chosen = [...(whole ? events.slice(-first) : events), ...(whole ? [] : late)];
      for (const event of chosen) {
        const action = actionOf.get(event.id);
        const loud = !whole && isNew(event);
        const device = deviceOf(event);
        if (action) modes.tell(action.device, action, loud);
        else if (device) modes.plain(device, loud);
        settle(event, action, event.created_at, loud);
      }
    },
  };
}

const byId = (one, two) => one.id - two.id;

const isOurs = ({ scanner_label: label }, { scanner, name }) =>
  !scanner || [`device:${scanner}`, `token:${name}`].includes(label);

/** The scanner that the daemon reads; a screen or a program has the label of its token. */
const deviceOf = ({ scanner_label: label }) => /^(?:device|token):(.*)$/.exec(label)?.[1];

const isNew = ({ created_at: recorded, offline_captured_at: captured }) =>
  captured === null || Date.parse(recorded) - Date.parse(captured) < old;

function keep(map, key, value) {
  map.delete(key);
  map.set(key, value);
  if (map.size > remembered) map.delete(map.keys().next().value);
}
