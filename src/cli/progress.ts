/** How far long work has come: a bar on a terminal, plain lines elsewhere; always on standard error. */
export interface Progress {
  /** Items done so far, of the total. */
  update(done: number): void;
  stop(): void;
}

type ErrorStream = NodeJS.WritableStream & { isTTY?: boolean };

/** Call `stop()` in a finally: the bar hides the cursor. */
export async function startProgress(
  label: string,
  total: number,
  stream: ErrorStream = process.stderr,
): Promise<Progress> {
  return stream.isTTY ? bar(label, total, stream) : lines(label, total, stream);
}

async function bar(label: string, total: number, stream: NodeJS.WritableStream): Promise<Progress> {
  const { default: progress } = await import('cli-progress');
  const format = `${label} {bar} {percentage} % | {value} of {total} | {eta_formatted} left`;
  const single = new progress.SingleBar({ format, stream, hideCursor: true }, progress.Presets.shades_classic);
  single.start(total, 0);
  return { update: (done) => single.update(done), stop: () => single.stop() };
}

/** A line for each tenth, so that a log of a long import stays short. */
function lines(label: string, total: number, stream: NodeJS.WritableStream): Progress {
  let told = 0;
  return {
    update: (done) => {
      const share = total > 0 ? done / total : 1;
      const tenth = Math.floor(share * 10);
      if (tenth <= told) return;
      told = tenth;
      stream.write(`${label}: ${done} of ${total} (${Math.floor(share * 100)} %)\n`);
    },
    stop: () => undefined,
  };
}
