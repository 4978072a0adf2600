/** What a scan sounds like, made in the browser. Each outcome has a rhythm of its own, for those who do not look. */

/** Hz, from and to in s. */
const tunes = {
  known: [
    [880, 0, 0.08],
    [1320, 0.09, 0.22],
  ],
  unknown: [
    [620, 0, 0.14],
    [620, 0.22, 0.36],
  ],
  rejected: [[170, 0, 0.6]],
  turn: [
    [1560, 0, 0.05],
    [1560, 0.09, 0.14],
    [1560, 0.18, 0.23],
  ],
  waiting: [[440, 0, 0.07]],
};

/** `changed(heard)` tells whether sounds can be heard: a browser gives none before somebody has touched the page. */
export function createSound(changed) {
  let audio;
  let muted = false;
  let master;
  const heard = () => !muted && audio?.state === 'running';
  const wake = async () => {
    audio ??= new AudioContext();
    audio.onstatechange = () => changed(heard());
    // Without a gesture this may stay unanswered; the button waits for one.
    audio.resume().then(() => changed(heard()));
  };
  wake();
  return {
    heard,
    wake,
    toggle: async () => {
      muted = heard();
      if (!muted) await wake();
      changed(heard());
    },
    /** Ends the one before: of many scans at once the last is heard. */
    play: (name) => {
      if (!heard()) return;
      master?.disconnect();
      master = audio.createGain();
      master.connect(audio.destination);
      for (const tone of tunes[name]) note(audio, master, tone, name === 'rejected' ? 'sawtooth' : 'square');
    },
  };
}

function note(audio, into, [frequency, from, to], type) {
  const start = audio.currentTime + from;
  const end = audio.currentTime + to;
  const oscillator = audio.createOscillator();
  const volume = audio.createGain();
  oscillator.type = type;
  oscillator.frequency.value = frequency;
  volume.gain.setValueAtTime(0, start);
  volume.gain.linearRampToValueAtTime(0.5, start + 0.01);
  volume.gain.setValueAtTime(0.5, end - 0.02);
  volume.gain.linearRampToValueAtTime(0, end);
  oscillator.connect(volume).connect(into);
  oscillator.start(start);
  oscillator.stop(end);
}
