/** The folder sample: what the office of the same shop keeps on its disk. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, chmod, link, mkdir, open, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { drawFrom, listCustomers, PRODUCTS } from './people-and-goods.ts';

const INVOICES = 60;
const PHOTOS = 12;
const PHOTO_BYTES = 180_000;
const DIARY = 'Office diary.txt';

/** Makes the folder once; it appears only when it is complete. */
export async function ensureDocuments(folder: string): Promise<void> {
  if (existsSync(folder)) return;
  const draft = `${folder}.draft`;
  await rm(draft, { recursive: true, force: true });
  await makeInvoices(draft);
  await makePhotos(draft);
  await makeOddThings(join(draft, 'Übergabe & odd names'));
  await writeFile(join(draft, DIARY), 'Opened the shop.\n');
  await rename(draft, folder);
}

/** Adds a line to one document, so that a later backup differs from the earlier ones. */
export async function writeDiary(folder: string, line: string): Promise<void> {
  await appendFile(join(folder, DIARY), `${line}\n`);
}

async function makeInvoices(root: string): Promise<void> {
  const draw = drawFrom('documents');
  for (const [index, { name, city }] of listCustomers(INVOICES, draw).entries()) {
    const year = 2022 + (index % 3);
    const lines = Array.from({ length: 1 + draw(5) }, () => {
      const product = PRODUCTS[draw(PRODUCTS.length)];
      return `${product?.name ?? ''};${((product?.cents ?? 0) / 100).toFixed(2)} €`;
    });
    const path = join(root, 'Invoices', String(year), `${240_001 + index} ${name.replaceAll('/', '-')}.csv`);
    await writeInto(path, `To ${name}, ${city}\n${lines.join('\n')}\n`);
    const date = Date.UTC(year, index % 12, 1 + (index % 28), 9, 30) / 1000;
    await utimes(path, date, date);
  }
}

/** Bytes no one can compress, as photographs are. */
async function makePhotos(root: string): Promise<void> {
  for (let index = 1; index <= PHOTOS; index += 1) {
    const bytes = createHash('shake256', { outputLength: PHOTO_BYTES + index })
      .update(`photo ${index}`)
      .digest();
    await writeInto(join(root, 'Photos', `product ${String(index).padStart(2, '0')}.jpg`), bytes);
  }
}

async function makeOddThings(folder: string): Promise<void> {
  const names = ['-rf', ' leading blank', 'new\nline', 'quote\'s "double"', 'tab\there', '100 % ✓ 完了.txt', '*?.txt', '.hidden'];
  for (const name of names) await writeInto(join(folder, name), `content of ${JSON.stringify(name)}\n`);
  await writeInto(join(folder, 'empty'), '');
  await mkdir(join(folder, 'empty folder'));
  await writeInto(join(folder, 'private', 'alarm code'), 'ask Zoë\n');
  await chmod(join(folder, 'private', 'alarm code'), 0o600);
  await chmod(join(folder, 'private'), 0o700);
  await writeInto(join(folder, 'open the shop.sh'), '#!/bin/sh\necho welcome\n');
  await chmod(join(folder, 'open the shop.sh'), 0o755);
  await writeInto(join(folder, 'price list'), 'the same file under two names\n');
  await link(join(folder, 'price list'), join(folder, 'price list (hard link)'));
  await symlink('price list', join(folder, 'newest price list'));
  await symlink('../Invoices', join(folder, 'all invoices'));
  await symlink('../gone/for good', join(folder, 'dangling'));
  const sparse = await open(join(folder, 'sparse disk image'), 'w');
  await sparse.truncate(4 * 1024 * 1024);
  await sparse.write('end', 4 * 1024 * 1024 - 3);
  await sparse.close();
}

async function writeInto(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}
