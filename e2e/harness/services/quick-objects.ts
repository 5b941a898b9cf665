import { wrapCheaply } from '@holdfast/agent/engines/restic/fixtures/quick-repository.ts';
import type { S3Handle } from './s3.ts';

/** Makes a repository in a bucket open fast, as `quickenKeys` does in a directory. `prefix` is where it lies, without a slash at its end. */
export async function quickenObjects(server: S3Handle, bucket: string, prefix: string, password: string): Promise<void> {
  const ask = async (method: string, key: string, body?: string): Promise<string> => {
    const answer = await server.request(method, `/${bucket}/${key}`, body === undefined ? {} : { body });
    if (answer.status >= 300) throw new Error(`${method} ${key} gave ${answer.status}: ${answer.body.slice(0, 500)}`);
    return answer.body;
  };
  const folder = `${prefix}/keys/`;
  for (const key of (await server.listObjects(bucket)).filter((name) => name.startsWith(folder))) {
    const cheap = wrapCheaply(await ask('GET', key), password);
    await ask('PUT', `${folder}${cheap.name}`, cheap.content);
    await ask('DELETE', key);
  }
}
