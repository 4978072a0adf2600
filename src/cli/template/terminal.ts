/** Pictures on terminals that can: the escape sequences of kitty and of iTerm2. */

const chunk = 4_096;

/** The picture as text for this terminal, or undefined when it shows none. `terminal` is what it says it is. */
export function onTerminal(png: Buffer, terminal: string, isTerminal = process.stdout.isTTY): string | undefined {
  // Inside screen or tmux the terminal's own variables may still be there, and its pictures do not come through.
  if (!isTerminal || /^(screen|tmux)/.test(terminal)) return undefined;
  if (/kitty|ghostty/i.test(terminal)) return kitty(png.toString('base64'));
  if (/iterm|wezterm/i.test(terminal)) return iterm(png);
  return undefined;
}

const iterm = (png: Buffer): string => `\u001b]1337;File=inline=1;size=${png.length}:${png.toString('base64')}\u0007`;

/** In pieces of 4,096 characters, each but the last with m=1; with q=2 the terminal types no answer into the shell. */
function kitty(data: string): string {
  let text = '';
  for (let at = 0; at < data.length; at += chunk) {
    const more = at + chunk < data.length ? 1 : 0;
    text += `\u001b_G${at === 0 ? 'a=T,f=100,' : ''}q=2,m=${more};${data.slice(at, at + chunk)}\u001b\\`;
  }
  return text;
}
