/**
 * Bytes to frames and back. Pure. A frame that breaks a rule throws an AppError whose details name the close code:
 * 1009 too big, 1007 not JSON or not UTF-8, 1008 against the schema. An unknown type is refused by name without
 * ending the connection, because a newer peer may know more.
 */
import type * as z from 'zod';
import { AppError } from '../errors.ts';
import { AGENT_FRAMES, type AgentFrame, frameHeadSchema, REQUESTS, SERVER_FRAMES, type ServerFrame } from './messages.ts';

export interface CodecLimits {
  frameBytes: number;
  frameDepth: number;
}

/** What a refusal repeats of the frame it refuses: the refusal must always fit a frame itself. */
const QUOTED_CHARS = 300;

export type CloseCode = 1007 | 1008 | 1009;

/** A broken frame; the connection ends with `closeCode`. */
function createFrameError(closeCode: CloseCode, message: string): AppError {
  return new AppError('invalid', message, { retry: 'never', details: { closeCode } });
}

/** An unknown type; the sender is told, the connection goes on. */
function createUnknownTypeError(type: string, id: string): AppError {
  return new AppError('unsupported', `unknown frame type "${type}"`, { details: { frame: id, type } });
}

type Schemas = Readonly<Record<string, z.ZodType>>;

const serverSchemas: Schemas = {
  ...SERVER_FRAMES,
  ...Object.fromEntries(Object.entries(REQUESTS).map(([type, request]) => [type, request.body])),
};
const agentSchemas: Schemas = AGENT_FRAMES;

/** Nesting of `{` and `[` outside strings, found before JSON.parse so that depth costs nothing. */
function measureDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return deepest;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parseJson(bytes: Uint8Array, limits: CodecLimits): unknown {
  if (bytes.byteLength > limits.frameBytes)
    throw createFrameError(1009, `a frame of ${bytes.byteLength} bytes is above the limit of ${limits.frameBytes}`);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new AppError('invalid', 'a frame is not valid UTF-8', { retry: 'never', details: { closeCode: 1007 }, cause });
  }
  if (measureDepth(text) > limits.frameDepth) throw createFrameError(1008, `a frame is nested deeper than ${limits.frameDepth}`);
  try {
    // `__proto__` as a key would become an own property of the result; zod copies only known fields.
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('invalid', 'a frame is not valid JSON', { retry: 'never', details: { closeCode: 1007 }, cause });
  }
}

/** Names the place of a fault; keys and values of the frame are hostile text, so what is quoted of them is short. */
function describeIssue(error: z.ZodError): string {
  const [first = ''] = error.issues.map((issue) => `${issue.path.join('.') || 'frame'}: ${issue.message}`);
  return first.slice(0, QUOTED_CHARS);
}

function decodeWith(schemas: Schemas, bytes: Uint8Array, limits: CodecLimits): unknown {
  const value = parseJson(bytes, limits);
  const head = frameHeadSchema.safeParse(value);
  if (!head.success) throw createFrameError(1008, `a frame has a bad head: ${describeIssue(head.error)}`);
  const schema = Object.hasOwn(schemas, head.data.type) ? schemas[head.data.type] : undefined;
  if (!schema) throw createUnknownTypeError(head.data.type, head.data.id);
  const body = schema.safeParse((value as { body?: unknown }).body);
  if (!body.success) throw createFrameError(1008, `a ${head.data.type} frame has a bad body: ${describeIssue(body.error)}`);
  return { ...head.data, body: body.data };
}

/** What an agent sent. */
export function decodeAgentFrame(bytes: Uint8Array, limits: CodecLimits): AgentFrame {
  return decodeWith(agentSchemas, bytes, limits) as AgentFrame;
}

/** What a server sent. */
export function decodeServerFrame(bytes: Uint8Array, limits: CodecLimits): ServerFrame {
  return decodeWith(serverSchemas, bytes, limits) as ServerFrame;
}

/** A frame as text for the socket. Throws `limit` when it is above the peer's cap, before anything is sent. */
export function encodeFrame(frame: AgentFrame | ServerFrame, limits: CodecLimits): string {
  const text = JSON.stringify(frame);
  const size = Buffer.byteLength(text);
  if (size > limits.frameBytes) {
    throw new AppError('limit', `a ${frame.type} frame of ${size} bytes is above the limit of ${limits.frameBytes}`, {
      retry: 'after_change',
    });
  }
  return text;
}
