import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from './tool-run.ts';
import { getTool } from './tools.ts';

export type CertificateFiles = { readonly caFile: string; readonly certificateFile: string; readonly keyFile: string };

/**
 * Makes an authority of its own and a server certificate for `localhost`, 127.0.0.1 and the given extra addresses, valid for
 * two days, as PEM files in `directory`. The authority's key is thrown away.
 */
export async function createCertificate(directory: string, extraAddresses: readonly string[] = []): Promise<CertificateFiles> {
  const files = {
    caFile: join(directory, 'ca.pem'),
    certificateFile: join(directory, 'server.pem'),
    keyFile: join(directory, 'server.key'),
  };
  const openssl = getTool('openssl');
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '2'];
  const authorityKey = join(directory, 'ca.key');
  const emptyConfig = join(directory, 'openssl.cnf');
  await writeFile(emptyConfig, '[req]\ndistinguished_name = name\n[name]\n');
  const request = ['req', '-x509', '-config', emptyConfig];
  await runTool(openssl, [
    ...[...request, ...newKey, '-subj', '/CN=Harness authority', '-keyout', authorityKey, '-out', files.caFile],
    ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'],
  ]);
  const addresses = ['127.0.0.1', ...extraAddresses].map((address) => `IP:${address}`);
  await runTool(openssl, [
    ...[...request, ...newKey, '-subj', '/CN=localhost', '-keyout', files.keyFile, '-out', files.certificateFile],
    ...['-CA', files.caFile, '-CAkey', authorityKey, '-addext', 'basicConstraints=critical,CA:FALSE'],
    ...['-addext', `subjectAltName=DNS:localhost,${addresses.join(',')}`, '-addext', 'extendedKeyUsage=serverAuth'],
  ]);
  await writeFile(authorityKey, '');
  return files;
}
