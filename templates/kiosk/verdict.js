/** What a scan came to, in the few words that are read from three metres. */
import { modeNames } from './modes.js';

/** The look of each outcome: its colour, shape and sound. */
const looks = {
  recorded: 'known',
  checked_out: 'known',
  checked_in: 'known',
  moved: 'known',
  counted: 'known',
  unknown: 'unknown',
  rejected: 'rejected',
  refused: 'rejected',
  command: 'turn',
  badge: 'turn',
  place: 'turn',
};

/** A character came that the computer's layout cannot make. */
export const misread = {
  state: 'rejected',
  text: 'Scanner and keyboard layout do not fit',
  detail: "Nothing was recorded. Set the scanner to this computer's layout, and scan again.",
};

/** `action` is what a mode made of the scan, if one did; `asset` is what is known of the one that it names. */
export function verdictOf(event, action, asset, placeOf) {
  const outcome = action?.outcome ?? plainOutcome(event);
  return { outcome, state: looks[outcome], ...wordsOf(outcome, event, action, asset, placeOf) };
}

const plainOutcome = ({ status, asset }) =>
  status === 'rejected' ? 'rejected' : asset === null ? 'unknown' : 'recorded';

function wordsOf(outcome, event, action, asset, placeOf) {
  const title = asset?.asset_tag ?? event.raw_value;
  const name = asset?.name ?? '';
  const { message = '', subject = '', next_mode } = action ?? {};
  const said = sentence(message.replace(/^[^:]*: /, ''));
  switch (outcome) {
    case 'recorded':
      return { title, text: name, detail: asset ? standing(asset, placeOf) : '' };
    case 'checked_out':
      return { title, text: `Out to ${subject}`, detail: name };
    case 'checked_in':
      return { title, text: 'Is back', detail: name };
    case 'moved':
      return { title, text: subject ? `Now at ${subject}` : 'Is here now', detail: name };
    case 'counted':
      return { title, text: 'Counted', detail: name };
    case 'unknown':
      return { title, text: 'Unknown code', detail: action?.next_mode === 'stock_take' ? message : '' };
    case 'rejected':
      return { title, text: 'Rejected', detail: event.validation_errors.join(' ') };
    case 'refused':
      return { title, text: 'Not done', detail: message };
    case 'command':
      return { title: modeNames[next_mode], text: said, detail: '' };
    case 'badge':
      return { title: subject, text: said, detail: '' };
    default:
      // A place says something to the mode that moves, and is a code like any other to the rest.
      return next_mode === 'move_here'
        ? { title: subject, text: said, detail: '' }
        : { title, text: message, detail: '' };
  }
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const standing = ({ status, current_location: place }, placeOf) =>
  [status.replaceAll('_', ' '), placeOf(place)].filter(Boolean).join(' · ');
