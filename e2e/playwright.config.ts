import { defineConfig } from '@playwright/test';

/** Files of more than a minute begin first, so that none of them is waited for at the end. */
const LONG = /(?:09-failed|11-schedule|31-repositories|45-every-page)[^/]*\.spec\.ts$/;

/**
 * Scenarios against the real processes. Three files run at once, which two processors are enough for: most of a scenario is waiting. Playwright
 * repeats nothing: the runner of all tests tries what failed again by itself, and tells so.
 */
export default defineConfig({
  testDir: './scenarios',
  outputDir: '../test-results/e2e',
  fullyParallel: false,
  projects: [
    { name: 'long', testMatch: LONG },
    { name: 'others', testIgnore: LONG },
  ],
  workers: 4,
  retries: 0,
  forbidOnly: true,
  timeout: 180_000,
  expect: { timeout: 10_000 },
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    headless: true,
    actionTimeout: 10_000,
    navigationTimeout: 15_000,
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    viewport: { width: 1280, height: 860 },
    screenshot: 'only-on-failure',
    trace: process.env['HOLDFAST_TRACE'] ? 'retain-on-failure' : 'off',
    launchOptions: {
      executablePath: '/usr/bin/chromium-headless-shell',
      args: ['--no-sandbox', '--disable-background-networking', '--disable-quic'],
    },
  },
});
