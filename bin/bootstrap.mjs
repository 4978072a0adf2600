/**
 * What `npm start`, `npm test` and the other scripts begin with, on a machine that has nothing but Node: it installs and
 * builds when the checkout asks for it, and hands over. Imports nothing before Node's version is known.
 */
const [task = '', ...args] = process.argv.slice(2);
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `assetra needs Node 20.19 or newer; this is ${process.versions.node}. Install it from https://nodejs.org.`,
  );
  process.exitCode = 1;
} else {
  import('./bootstrap/tasks.mjs').then(
    ({ run }) => run(task, args),
    (error) => {
      console.error(error);
      process.exitCode = 1;
    },
  );
}
