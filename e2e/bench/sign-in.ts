/** A signed-in person without a browser. */
import { type IncomingMessage, request } from 'node:http';
import type { Stack } from '../harness/stack.ts';

/** Signs in as a browser does; gives the cookie. `from`: an address of this machine, since sign-ins are counted by address. */
export async function signIn(stack: Stack, from = '127.0.0.1'): Promise<string> {
  const { url } = stack.server;
  const body = new URLSearchParams({ name: stack.admin.name, password: stack.admin.password }).toString();
  const headers = { origin: url, 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(`${url}/login`, { method: 'POST', agent: false, localAddress: from, headers }, resolve)
      .once('error', reject)
      .end(body);
  });
  response.resume();
  const status = response.statusCode ?? 0;
  const cookie = (response.headers['set-cookie'] ?? []).map((text) => text.split(';', 1)[0]).join('; ');
  if (status >= 400 || cookie === '') throw new Error(`signing in gave ${status}`);
  return cookie;
}
