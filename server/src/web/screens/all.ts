/** Every page of the product, in the order in which their paths are tried. */
import type { AnyScreen } from '../http/screen-routes.ts';
import { createBootstrapScreens } from './bootstrap.ts';
import { HOST_SCREENS } from './hosts.ts';
import { LOGIN_SCREENS } from './login.ts';

export function createScreens(parts: {
  checkPasswordRules: Parameters<typeof createBootstrapScreens>[0];
  fires: unknown;
}): readonly AnyScreen[] {
  return [...LOGIN_SCREENS, ...createBootstrapScreens(parts.checkPasswordRules), ...HOST_SCREENS];
}
