/** Names, places and goods that the sample databases and documents share. */
import { createHash } from 'node:crypto';

/** A whole number from 0 up to `below`, `below` excluded; the same seed always gives the same row of numbers. */
export type Draw = (below: number) => number;

export function drawFrom(seed: string): Draw {
  let turn = 0;
  return (below) => {
    turn += 1;
    return createHash('sha256').update(`${seed}/${turn}`).digest().readUInt32BE() % below;
  };
}

const FIRST = [
  ...['Ada', 'Aïcha', 'Björn', 'Chloé', 'Đorđe', 'Elif', 'Fatima', 'Grzegorz', 'Hana', 'Ingrid', 'José', 'Kofi', 'Łucja', 'Mei'],
  ...['Nguyễn', 'Ólafur', 'Priya', 'Quentin', 'Renée', 'Søren', 'Tomáš', 'Ulrike', 'Victor', 'Wanjiru', 'Ximena', 'Yuki', 'Zoë'],
];
const LAST = [
  ...["O'Brien", 'Müller', 'García', 'Ōta', 'Kowalski', 'Иванова', 'Håkansson', 'Çelik', 'N’Diaye', 'Smith', 'de la Cruz', '李'],
  ...['Papadopoulos', 'Große', 'Van der Berg', 'Þórsdóttir', 'Okafor', 'Nowák', 'Rossi', 'Silva', 'Weiß', 'Horváth', 'Tan'],
];
const CITIES = [
  'Bergen',
  'Kraków',
  'Zürich',
  'São Paulo',
  'København',
  'Łódź',
  '京都',
  'Reykjavík',
  'Αθήνα',
  'Київ',
  'Besançon',
  'Galway',
];

export type Customer = { readonly name: string; readonly email: string; readonly city: string };

export function listCustomers(count: number, draw: Draw): Customer[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `${pick(FIRST, draw)} ${pick(LAST, draw)}`,
    email: `customer${index + 1}@example.com`,
    city: pick(CITIES, draw),
  }));
}

export type Product = { readonly name: string; readonly kind: string; readonly cents: number };

const TEAS = [
  'Assam',
  'Darjeeling',
  'Genmaicha 玄米茶',
  'Lapsang Souchong',
  'Rooibos',
  'Sencha 煎茶',
  'Pfefferminze',
  'Иван-чай',
];
const SIZES = ['50 g', '100 g', '250 g', '1 kg'];
const BOOKS = [
  'A Field Guide to Moss',
  'Das große Brotbuch',
  'Les Misérables',
  'Война и мир',
  'The Art of "Slow" Tea',
  '俳句 — Haiku',
];
const CRAFTS = ['Teapot, blue', 'Cup “Fjord”', 'Bamboo whisk 茶筅', 'Linen cloth 40 × 60', 'Candle ½ lb', 'Ceramic owl 🦉'];

export const PRODUCTS: readonly Product[] = [
  ...TEAS.flatMap((tea, row) =>
    SIZES.map((size, column) => ({ name: `${tea}, ${size}`, kind: 'tea', cents: 390 + row * 60 + column * 640 })),
  ),
  ...BOOKS.map((name, row) => ({ name, kind: 'book', cents: 1490 + row * 210 })),
  ...CRAFTS.map((name, row) => ({ name, kind: 'craft', cents: 990 + row * 430 })),
];

function pick(list: readonly string[], draw: Draw): string {
  return list[draw(list.length)] ?? '';
}
