import { SCOPES } from '@holdfast/server/core/accounts/scopes.ts';
import type { ServerProcess } from './server-process.ts';

/** Who can sign in. */
export type Account = { readonly name: string; readonly password: string };

const KEY_NAME = 'harness';

/**
 * Makes the first administrator and a key of a new server by the address of its first start, as a person does with a browser: a command of the
 * server would cost a process for each. Gives the key; nobody is left signed in.
 */
export async function admitByFirstStart(server: ServerProcess, admin: Account): Promise<string> {
  const [, address = ''] = await server.awaitLog(/"url":"(http[^"]+\/bootstrap\?[^"]+)"/);
  const { pathname, searchParams } = new URL(address);
  const cookies = new Map<string, string>();
  const post = async (path: string, fields: readonly [string, string][]): Promise<string> => {
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      body: new URLSearchParams([...fields]),
      headers: { origin: server.url, cookie: [...cookies].map((cookie) => cookie.join('=')).join('; ') },
      redirect: 'manual',
    });
    const text = await response.text();
    if (response.status >= 400) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 2000)}`);
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(name, value);
    }
    return text;
  };
  const { name, password } = admin;
  const token = searchParams.get('token') ?? '';
  await post(pathname, Object.entries({ token, name, password, again: password }));
  const page = await post('/settings/keys', [
    ['name', KEY_NAME],
    ['life', 'never'],
    ...SCOPES.map((scope): [string, string] => ['scopes', scope]),
  ]);
  const [key] = /\bhfk_[\w-]+/.exec(page) ?? [];
  if (key === undefined) throw new Error('The page of keys shows no new key.');
  await post('/logout', []);
  return key;
}

/** The same by commands, where the server's own address does not lead to it. */
export async function admitByCommands(server: ServerProcess, admin: Account): Promise<string> {
  const passwordFile = await server.writePassword(admin.password);
  const [key] = await Promise.all([
    server.runCommand(['api-key', 'create', '--name', KEY_NAME, '--role', 'admin']),
    server.runCommand(['user', 'create', '--name', admin.name, '--role', 'admin', '--password-file', passwordFile]),
  ]);
  return key;
}
