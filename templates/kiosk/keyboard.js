/** The keyboard of the screen's computer, which may be a scanner: keys are taken wherever the focus is. */
import { element } from './screen.js';
import { createWedge } from './wedge.js';

/** `scan(text, typed, at)`, `garbled(text)`; `mayScan()`: whether keys are scans at all now. */
export function listen({ scan, garbled, mayScan }) {
  const wedge = createWedge({ scan, garbled, typing });

  /** In the capture phase and wherever the focus is, save in the field for the code. */
  const pressed = (event) => {
    element('caps').hidden = !event.getModifierState?.('CapsLock');
    if (!mayScan() || event.target === element('code')) return;
    if (!wedge.key(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (element('details').open) element('details').close();
  };
  /** Keys go to the window that has the focus: without it the screen is deaf to a scanner that types. */
  const focused = () => {
    element('deaf').hidden = document.hasFocus() || !mayScan();
  };
  document.addEventListener('keydown', pressed, { capture: true });
  document.addEventListener('keyup', (event) => wedge.up(event), { capture: true });
  for (const name of ['focus', 'blur']) addEventListener(name, focused);
  focused();
}

function typing(text) {
  element('typing').textContent = text;
  element('typing').hidden = text === '';
}
