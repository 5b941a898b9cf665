/** A signed-in person without a browser. */
import type { Stack } from '../harness/stack.ts';

/** Signs in as a browser does; gives the cookie. */
export async function signIn(stack: Stack): Promise<string> {
  const { url } = stack.server;
  const response = await fetch(`${url}/login`, {
    method: 'POST',
    body: new URLSearchParams({ name: stack.admin.name, password: stack.admin.password }),
    headers: { origin: url },
    redirect: 'manual',
  });
  const cookie = response.headers
    .getSetCookie()
    .map((text) => text.split(';', 1)[0])
    .join('; ');
  if (response.status >= 400 || cookie === '') throw new Error(`signing in gave ${response.status}`);
  return cookie;
}
