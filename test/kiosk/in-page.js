/** Runs in the page before its own scripts: what it sounded, and when an answer was painted. */
globalThis.heard = [];
const { start } = OscillatorNode.prototype;
OscillatorNode.prototype.start = function (when) {
  globalThis.heard.push(this.frequency.value);
  start.call(this, when);
};

/** From now on `seen()` resolves to when the next answer was about to be painted. */
globalThis.watchForAnswers = () => {
  const panel = document.querySelector('#last');
  const ready = [];
  let waiting;
  let last = '';
  const tell = (at) => {
    if (waiting) waiting(at);
    else ready.push(at);
    waiting = undefined;
  };
  new MutationObserver(() => {
    const now = `${panel.dataset.state} ${document.querySelector('#title').textContent}`;
    if (panel.dataset.state !== 'known' || now === last) return;
    last = now;
    requestAnimationFrame(() => tell(Date.now()));
  }).observe(panel, { subtree: true, childList: true, attributes: true, characterData: true });
  globalThis.seen = () =>
    ready.length > 0
      ? Promise.resolve(ready.shift())
      : new Promise((resolve) => {
          waiting = resolve;
        });
};
