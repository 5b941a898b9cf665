/** Collects garbage when told by SIGUSR2, and says on standard error when it has. See `collecting.ts`. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  // What the first turn lets go of, such as buffers with finalizers, the second one frees.
  collect();
  collect();
  process.stderr.write('garbage is collected\n');
});
