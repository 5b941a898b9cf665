/** The requests a server may send, each with the handler that answers it. */
import type { RequestBody, RequestResult, RequestType } from '@holdfast/shared/protocol/messages.ts';

/**
 * One handler for each request type. `id` is the frame's id, which names the order for exactly-once. What a handler throws becomes the
 * typed error of the answer.
 */
export type Handlers = {
  [T in RequestType]: (body: RequestBody<T>, id: string) => Promise<RequestResult<T>> | RequestResult<T>;
};
