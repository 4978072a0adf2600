/**
 * Tells what a scanner types from what a person types. A scanner that is a keyboard sends its characters a few
 * milliseconds apart and ends with Enter or Tab, or with nothing at all; a person needs more than twice as long for each.
 */

/** Characters further apart than this are not of one scan; a scanner on a radio may hesitate within it. In ms. */
const apart = 300;
/** The same until the scanner has been seen to end without Enter: on a busy computer keys may be told late. In ms. */
const patience = 2_000;
/** The usual distance within a scan: half of the characters come faster. In ms. */
const quick = 50;
/** Without Enter more is asked, as somebody may lean on the keyboard. */
const unended = { length: 4, quick: 35, longest: 150 };
/** What a person has typed is forgotten after so long. In ms. */
const forgotten = 4_000;
const controls = { ']': '\x1d', '^': '\x1e', '\\': '\x1c', _: '\x1f' };
/** Keys that stand for a character which the layout makes only together with the next key, or not at all. */
const unreadable = ['Dead', 'Process', 'Unidentified'];

/** @param on `scan(text, typed, at)`, `garbled(text)`, `typing(text)`; times are those of the events, so a busy page loses none. */
export function createWedge(on, timers = globalThis) {
  let keys = [];
  let timer;
  let lastEnd = -Infinity;
  /** The next scan is thought to end with a key: most do, and so do those after one that did. */
  let ends = true;
  /** Digits typed while Alt is held: the number of a character. */
  let number = '';

  const last = () => keys.at(-1)?.at ?? -Infinity;
  const clear = () => {
    keys = [];
    timers.clearTimeout(timer);
    on.typing('');
  };
  const emit = (group, typed, at) => {
    clear();
    lastEnd = at;
    const text = group.map(({ text }) => text).join('');
    if (group.some(({ text }) => text === '\ufffd')) on.garbled(text);
    else on.scan(text, typed, at);
  };
  /** A scan without Enter is over once nothing has come for a while. */
  const pause = () => {
    // Keys that have been pressed and not been told yet may belong to it.
    if (globalThis.navigator?.scheduling?.isInputPending?.()) return arm();
    const group = lastGroup(keys);
    if (isUnended(group)) {
      ends = false;
      emit(group, false, last());
    } else timer = timers.setTimeout(clear, forgotten - (ends ? patience : apart));
  };
  const arm = () => {
    timers.clearTimeout(timer);
    timer = timers.setTimeout(pause, ends ? patience : apart);
  };
  const take = (text, at) => {
    if (at - last() > apart) {
      const group = lastGroup(keys);
      if (isUnended(group)) emit(group, false, last());
    }
    if (at - last() > forgotten) keys = [];
    keys.push({ text, at });
    arm();
    if (!isQuick(lastGroup(keys), quick)) on.typing(keys.map(({ text }) => text).join(''));
  };
  /** True when it ended a scan, or was the second half of CR LF. */
  const end = (key, at) => {
    if (keys.length === 0) return at - lastEnd <= apart;
    const group = lastGroup(keys);
    const scanned = at - last() <= apart && group.length >= 3 && isQuick(group, quick);
    if (scanned) ends = true;
    if (scanned) emit(group, false, at);
    else if (key === 'Enter' && at - last() <= forgotten) emit(keys, true, at);
    else clear();
    return scanned || key === 'Enter';
  };

  return {
    /** Takes a keydown; true when it was meant for a scan, so that nothing else may happen to it. */
    key(event) {
      // A key that is held repeats as fast as a scanner types; a scanner lets go of each.
      if (event.repeat) return keys.length > 0;
      const at = event.timeStamp;
      const { key } = event;
      if (event.altKey && /^Numpad\d$/.test(event.code)) {
        number += event.code.at(-1);
        return true;
      }
      if (key === 'Enter' || key === 'Tab') return end(key, at);
      const command = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState?.('AltGraph');
      if (event.ctrlKey && ['j', 'm'].includes(key.toLowerCase()) && keys.length > 0) return end('Enter', at);
      if (event.ctrlKey && Object.hasOwn(controls, key)) take(controls[key], at);
      else if (key === 'F8') take('\x1d', at);
      else if (key === 'Backspace' && keys.length > 0 && !isQuick(lastGroup(keys), quick)) erase(at);
      else if (unreadable.includes(key)) take('\ufffd', at);
      else if (command || [...key].length !== 1) return false;
      else take(key, at);
      return true;
    },
    /** Takes a keyup: Alt that is let go of ends a number. */
    up({ key, timeStamp: at }) {
      if (key !== 'Alt' || number === '') return;
      take(numbered(number), at);
      number = '';
    },
    clear,
  };

  function erase(at) {
    keys.pop();
    if (keys.length > 0) keys.at(-1).at = at;
    on.typing(keys.map(({ text }) => text).join(''));
  }
}

/** What scanners send that way: ASCII, control characters too. Beyond it the number means what the computer's code page says. */
const numbered = (digits) =>
  Number(digits) > 0 && Number(digits) < 128 ? String.fromCharCode(Number(digits)) : '\ufffd';

/** The characters at the end that nothing sets apart: a stray key before a scan is none of it. */
function lastGroup(keys) {
  let start = keys.length - 1;
  while (start > 0 && keys[start].at - keys[start - 1].at <= apart) start -= 1;
  return keys.slice(Math.max(start, 0));
}

const gaps = (group) => group.slice(1).map(({ at }, index) => at - group[index].at);

function isQuick(group, limit) {
  const sorted = gaps(group).sort((one, two) => one - two);
  return sorted.length > 0 && sorted[Math.floor(sorted.length / 2)] <= limit;
}

const isUnended = (group) =>
  group.length >= unended.length && isQuick(group, unended.quick) && Math.max(...gaps(group)) <= unended.longest;
