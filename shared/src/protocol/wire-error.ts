/** Errors as they fit a frame: the schema of the other side refuses what is longer, and with it the whole connection. */
import { type AppError, type ErrorDetails, toWireError, type WireError } from '../errors.ts';
import { TEXT } from '../limits.ts';

/** Longest text in a detail, most details and texts in a list, and the JSON of them all; what is above goes without details. */
const DETAIL_CHARS = 500;
const DETAILS = 50;
const DETAILS_BYTES = 32 * 1024;

/** The error for the other side, clipped so that it always fits a frame. `reference` as in `toWireError`. */
export function toFrameError(error: AppError, reference: string): WireError {
  const wire = toWireError(error, reference);
  return {
    ...wire,
    message: clipText(wire.message, TEXT.errorChars),
    ...(wire.details === undefined ? {} : { details: clipDetails(wire.details) }),
  };
}

function clipDetails(details: ErrorDetails): ErrorDetails {
  const clipped = Object.entries(details)
    .slice(0, DETAILS)
    .map(([name, value]) => [clipText(name, DETAIL_CHARS), clipValue(value)] as const);
  const fitting = Object.fromEntries(clipped);
  return Buffer.byteLength(JSON.stringify(fitting)) <= DETAILS_BYTES ? fitting : {};
}

function clipValue(value: ErrorDetails[string]): ErrorDetails[string] {
  if (typeof value === 'string') return clipText(value, DETAIL_CHARS);
  if (typeof value === 'object' && value !== null) return value.slice(0, DETAILS).map((text) => clipText(text, DETAIL_CHARS));
  return value;
}

/** Cuts at a limit in UTF-16 units, which is how schemas count, and never through a pair. */
function clipText(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : text.slice(0, maxChars).replace(/[\ud800-\udbff]$/, '');
}
