/** What scans do now, on the line beside the screen and on the screen itself, shown large above the last scan. */
import { now } from './clock.js';
import { element } from './screen.js';

export const modeNames = {
  record: 'Record',
  check_out: 'Check-out',
  check_in: 'Check-in',
  move_here: 'Move here',
  stock_take: 'Stock-take',
};
const prompts = {
  record: '',
  check_out: 'Scan a badge, then what is taken',
  check_in: 'Scan what comes back',
  move_here: 'Scan what stands here now',
  stock_take: 'Scan everything here',
};
/** As the server knows them, to say while it is away what it will make of a scan. */
const commands = {
  'CMD:RECORD': 'record',
  'CMD:CHECK-OUT': 'check_out',
  'CMD:CHECK-IN': 'check_in',
  'CMD:MOVE-HERE': 'move_here',
  'CMD:STOCK-TAKE': 'stock_take',
  'CMD:DONE': 'done',
  'CMD:CANCEL': 'done',
};

/** `own()` is the screen's name, `beside()` that of its scanner or ''. */
export function createModes({ own, beside }) {
  const known = new Map();
  let speaker;
  /** The mode that scans which wait will lead to; undefined when none is a command code. */
  let foreseen;
  let drawn = '';

  const of = (device) => {
    const mode = known.get(device) ?? { mode: 'record', rest: 'record', until: null, subject: '' };
    const isOver = mode.until !== null && Date.parse(mode.until) < now();
    return isOver ? { mode: mode.rest, rest: mode.rest, until: null, subject: '' } : mode;
  };
  const paint = () => {
    const device = speaker ?? (beside() || own());
    const told = of(device);
    const isForeseen = foreseen !== undefined && device === own();
    const { mode, subject, until } = isForeseen ? { mode: foreseen, subject: '', until: null } : told;
    const left = until === null ? '' : Math.ceil((Date.parse(until) - now()) / 1_000);
    const state = JSON.stringify([device, mode, subject, left, isForeseen]);
    if (state === drawn) return;
    drawn = state;
    const band = element('mode');
    band.dataset.mode = mode;
    band.dataset.begun = String(isForeseen || until !== null);
    element('mode-icon').setAttribute('href', `#${mode}`);
    element('mode-word').textContent = modeNames[mode];
    element('mode-subject').textContent = subject ? `${mode === 'check_out' ? 'to' : 'at'} ${subject}` : '';
    element('mode-prompt').textContent = isForeseen ? 'Not sent yet' : subject ? '' : prompts[mode];
    element('mode-device').textContent = beside() ? device : '';
    element('mode-left').textContent = left === '' ? '' : clockOf(left);
    const { length } = band.textContent.replace(/\s+/g, ' ');
    band.style.setProperty('--chars', String(length + 4));
  };
  /** Other scanners' modes are none of this screen's business. */
  const isHere = (device) => device === own() || device === beside();
  setInterval(paint, 500);
  return {
    paint,
    /** A device's mode, from an answer or the stream. `spoke`: it has just scanned. */
    tell: (device, { next_mode: mode, rest_mode: rest, mode_until: until, subject = '' }, spoke) => {
      known.set(device, { mode, rest, until, subject });
      if (spoke && isHere(device)) speaker = device;
      paint();
    },
    /** It has only recorded a scan: whatever it was in is over, as after a restart of the daemon. The screen's own answers say more. */
    plain: (device, spoke) => {
      if (device !== own()) known.set(device, { mode: 'record', rest: 'record', until: null, subject: '' });
      if (spoke && isHere(device)) speaker = device;
      paint();
    },
    /** From how the server says that things stand: only where nothing newer is known. */
    rest: (device, { mode, rest_mode: rest }) => {
      if (known.has(device) && of(device).until !== null) return;
      known.set(device, { mode, rest, until: null, subject: known.get(device)?.subject ?? '' });
      paint();
    },
    /** What the answer before a reload had begun on the screen itself. */
    resume: ({ name, mode: rest = 'record' }, { mode, member_name, place_name }, until) => {
      const subject = member_name || place_name;
      if (mode === rest && !subject) return;
      known.set(name, { mode, rest, until, subject });
      speaker = name;
    },
    /** The texts that wait to be sent, oldest first. */
    foresee: (texts) => {
      const last = texts.findLast((text) => Object.hasOwn(commands, text));
      const mode = commands[last];
      foreseen = mode === 'done' ? of(own()).rest : mode;
      paint();
    },
    clear: () => {
      known.clear();
      speaker = undefined;
      foreseen = undefined;
      paint();
    },
    nameOf: (text) => (Object.hasOwn(commands, text) ? (modeNames[commands[text]] ?? 'Done') : undefined),
  };
}

const clockOf = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
