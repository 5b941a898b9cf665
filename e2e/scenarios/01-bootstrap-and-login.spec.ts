import { expect, expectAccessible, fillLogin, finishStack, takePicture, test } from '../harness/browser.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const PASSWORD = 'seven quiet otters under ferns';

let stack: Stack;

test.beforeEach(async () => {
  stack = await startStack({ isUntouched: true });
});
test.afterEach(async ({ browserName: _ }, info) => finishStack(stack, info));

test('the first start shows an address that makes the first administrator, once', async ({
  page,
  context,
  watch,
  playwright,
}) => {
  const [, address = ''] = await stack.server.awaitLog(/"url":"(http[^"]+\/bootstrap\?[^"]+)"/);
  const token = new URL(address).searchParams.get('token') ?? '';
  expect(token.length).toBeGreaterThan(20);

  await test.step('the token leaves the address bar, and weak passwords are refused in words', async () => {
    await page.goto(address);
    expect(page.url()).not.toContain(token);
    await expectAccessible(page);
    watch.expectStatus(400);
    watch.expectStatus(422);
    await page.getByLabel('Name').fill('Ada');
    await page.getByLabel('Password', { exact: true }).fill('short');
    await page.getByLabel('Password again').fill('short');
    await page.getByRole('button', { name: 'Create administrator' }).click();
    await expect(page.getByText(/at least 12 characters/i).first()).toBeVisible();
  });

  await test.step('a good password leads to the empty overview', async () => {
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('Password again').fill(PASSWORD);
    await page.getByRole('button', { name: 'Create administrator' }).click();
    await page.waitForURL(`${stack.server.url}/`);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expectAccessible(page);
    await takePicture(page, 'overview-empty');
  });

  await test.step('the session cookie is out of reach for scripts and other sites', async () => {
    const session = (await context.cookies()).find((cookie) => cookie.name.includes('session'));
    expect(session).toMatchObject({ httpOnly: true, sameSite: 'Lax' });
    expect(await page.evaluate('document.cookie')).not.toContain('session');
  });

  await test.step('the address is gone for good', async () => {
    const stranger = await playwright.request.newContext();
    const second = await stranger.get(address);
    expect(second.status()).toBe(410);
    // Away from pages that would look for the server meanwhile.
    await page.goto('about:blank');
    await stack.server.restart();
    expect((await stranger.get(address)).status()).toBe(410);
    await stranger.dispose();
  });

  await test.step('signing out ends the session, signing in makes another one', async () => {
    const before = (await context.cookies()).find((cookie) => cookie.name.includes('session'))?.value;
    await page.goto(`${stack.server.url}/`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(/\/login/);
    await expectAccessible(page);
    await context.addCookies([{ name: 'holdfast_session', value: before ?? '', url: stack.server.url }]);
    await page.goto(`${stack.server.url}/hosts`);
    await expect(page).toHaveURL(/\/login/);
    watch.expectStatus(401);
    await fillLogin(page, { name: 'Ada', password: `${PASSWORD}!` });
    await expect(page.getByText(/name or (the )?password/i).first()).toBeVisible();
    await fillLogin(page, { name: 'Ada', password: PASSWORD });
    await expect(page).toHaveURL(`${stack.server.url}/hosts`);
  });
});
