import assert from 'node:assert/strict';
import test from 'node:test';
import { runCommand } from './command.ts';

const script = `
  import { installPackages } from '${import.meta.dirname}/packages.ts';
  await installPackages(['first-package', 'second-package'], () => undefined).catch((error) => console.log(error.name, error.message));
`;
const guard = ['--reuid=daemon', '--regid=daemon', '--clear-groups', '--', process.execPath];
const probe = await runCommand('setpriv', [
  ...guard,
  '--eval',
  `require('node:fs').accessSync('${import.meta.dirname}/packages.ts')`,
]);
const skip = process.getuid?.() === 0 && probe.code === 0 ? false : 'needs root, and a checkout that other accounts can read';

test('an account that may not install packages is told the command that does', { skip }, async () => {
  const outcome = await runCommand('setpriv', [...guard, '--input-type=module', '--eval', script]);
  assert.match(outcome.stdout, /^SetupError Missing packages/);
  assert.match(outcome.stdout, /apt-get install --no-install-recommends first-package second-package/);
});
