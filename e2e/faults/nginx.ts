/** A real nginx before a server, with the configuration that the guide shows. */
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CertificateFiles, createCertificate } from '../harness/services/certificate.ts';
import { findFreePort } from '../harness/services/free-port.ts';
import { type ServiceProcess, startServiceProcess } from '../harness/services/service-process.ts';
import { waitFor } from '../harness/services/wait-for.ts';

const GUIDE = join(import.meta.dirname, '../../docs/guide/reverse-proxy.md');

/** The `server` block of the guide. */
export function readGuideBlock(): string {
  const block = /```nginx\n(.*?)```/su.exec(readFileSync(GUIDE, 'utf8'))?.[1];
  if (block === undefined) throw new Error('The guide shows no configuration of nginx.');
  return block;
}

/** Puts addresses and files of a test in the places of the guide's. Each must be there. */
export function fitBlock(block: string, to: { port: number; target: string; tls: CertificateFiles; timeoutS: number }): string {
  const changes: readonly [RegExp, string][] = [
    [
      /listen 443 ssl;/u,
      `listen 127.0.0.1:${to.port} ssl; proxy_read_timeout ${to.timeoutS}s; proxy_send_timeout ${to.timeoutS}s;`,
    ],
    [/server_name \S+;/u, 'server_name localhost;'],
    [/ssl_certificate \S+;/u, `ssl_certificate ${to.tls.certificateFile};`],
    [/ssl_certificate_key \S+;/u, `ssl_certificate_key ${to.tls.keyFile};`],
    [/http:\/\/127\.0\.0\.1:8080/gu, to.target],
  ];
  return changes.reduce((text, [pattern, value]) => {
    if (text.search(pattern) < 0) throw new Error(`The guide's configuration has no ${pattern}.`);
    return text.replace(pattern, value);
  }, block);
}

export type NginxHandle = { readonly urls: readonly string[]; readonly caFile: string; stop(): Promise<void> };

export type Front = {
  /** Seconds without a byte after which nginx cuts a connection. */
  readonly timeoutS: number;
  /** Changes the guide's block, to show what it is for. */
  readonly change?: (block: string) => string;
};

/** Starts one nginx with a front for each of `fronts`, all before `target`; resolves when they answer. */
export async function startNginx(directory: string, target: string, fronts: readonly Front[]): Promise<NginxHandle> {
  const home = join(directory, 'nginx');
  await mkdir(home);
  const tls = await createCertificate(home);
  const ports = await Promise.all(fronts.map(() => findFreePort()));
  const blocks = fronts.map(({ timeoutS, change = (block) => block }, index) =>
    fitBlock(change(readGuideBlock()), { port: ports[index] ?? 0, target, tls, timeoutS }),
  );
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(home, name)};`);
  const config = [
    'daemon off;',
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'worker_processes 1;',
    `pid ${join(home, 'pid')};`,
    'events { worker_connections 256; }',
    `http { access_log off; ${folders.join(' ')} ${blocks.join('\n')} }`,
  ].join('\n');
  const file = join(home, 'nginx.conf');
  await writeFile(file, config);
  const nginx: ServiceProcess = startServiceProcess({
    command: '/usr/sbin/nginx',
    args: ['-p', home, '-e', join(home, 'error.log'), '-c', file],
  });
  const log = () => `${nginx.output()}\n${readFileSync(join(home, 'error.log'), 'utf8')}`;
  const look = async () => (readFileSync(join(home, 'pid'), 'utf8').trim() === '' ? undefined : true);
  try {
    await waitFor('nginx to start', look, { deadlineMs: 10_000 });
  } catch (error) {
    await nginx.stop();
    throw new Error(`nginx did not start:\n${log()}`, { cause: error });
  }
  return {
    urls: ports.map((port) => `https://localhost:${port}`),
    caFile: tls.caFile,
    stop: async () => void (await nginx.stop()),
  };
}
