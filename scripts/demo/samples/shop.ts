/** The PostgreSQL sample: the orders of a small shop that sells tea, books and crafts. */

import { quoteString } from '../../../e2e/harness/services/sql-text.ts';
import { drawFrom, listCustomers, PRODUCTS } from './people-and-goods.ts';

export const SHOP = 'shop';
export const SHOP_RESTORED = 'shop_restored';

type Query = (sql: string, database?: string) => Promise<string>;

const CUSTOMERS = 1_200;
const ORDERS = 9_000;

/** Makes the database, its roles, definitions and rows. The name appears only when everything is in it. */
export async function createShop(query: Query): Promise<void> {
  const draft = 'shop_draft';
  await query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
  const roles = (await query('SELECT rolname FROM pg_roles')).split('\n');
  for (const [role, login] of [
    ['shop_owner', 'NOLOGIN'],
    ['shop_web', 'LOGIN'],
    ['shop_reports', 'NOLOGIN'],
  ] as const) {
    if (!roles.includes(role)) await query(`CREATE ROLE ${role} ${login}`);
  }
  await query(`GRANT shop_reports TO shop_web; CREATE DATABASE ${draft} TEMPLATE template0 ENCODING 'UTF8' OWNER shop_owner`);
  await query(DEFINITIONS, draft);
  await query(buildRows(), draft);
  await query(`ALTER DATABASE ${draft} RENAME TO ${SHOP}`);
}

/**
 * Takes some new orders, so that a later backup differs from the earlier ones. Gives how many there are then.
 * A restore computes the materialized view anew, so it is kept up to date here: otherwise the two would rightly differ.
 */
export async function takeOrders(query: Query, count: number): Promise<number> {
  await query(
    `INSERT INTO sales.orders (customer, placed, state)
       SELECT 1 + (random() * (SELECT max(id) - 1 FROM sales.customer))::int, now() - i * interval '7 seconds', 'new'
       FROM generate_series(1, ${count}) i;
     INSERT INTO sales.order_line (orders, position, product, quantity, price)
       SELECT o.id, 1, p.id, 1 + o.id % 3, p.price
       FROM sales.orders o JOIN sales.product p ON p.id = 1 + o.id % (SELECT max(id) FROM sales.product)
       WHERE NOT EXISTS (SELECT FROM sales.order_line l WHERE l.orders = o.id);
     REFRESH MATERIALIZED VIEW sales.favourite`,
    SHOP,
  );
  return Number(await query('SELECT count(*) FROM sales.orders', SHOP));
}

const DEFINITIONS = `
SET ROLE shop_owner;
CREATE SCHEMA sales;
COMMENT ON SCHEMA sales IS 'Customers, products and orders — Kunden, товары, 注文';
CREATE TYPE sales.order_state AS ENUM ('new', 'paid', 'packed', 'sent', 'returned');
CREATE DOMAIN sales.email AS text CHECK (VALUE ~ '^[^@ ]+@[^@ ]+$');
CREATE SEQUENCE sales.invoice_number START 240001;
CREATE TABLE sales.customer (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, email sales.email NOT NULL UNIQUE, city text NOT NULL,
  wishes text[] NOT NULL DEFAULT '{}', profile jsonb NOT NULL DEFAULT '{}', joined timestamptz NOT NULL, changed timestamptz);
CREATE TABLE sales.product (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE, kind text NOT NULL, price numeric(10, 2) NOT NULL CHECK (price > 0),
  picture bytea, search tsvector GENERATED ALWAYS AS (to_tsvector('simple', name)) STORED);
CREATE TABLE sales.orders (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int NOT NULL REFERENCES sales.customer, placed timestamptz NOT NULL,
  state sales.order_state NOT NULL DEFAULT 'new', invoice int UNIQUE DEFAULT nextval('sales.invoice_number'), note text);
CREATE TABLE sales.order_line (
  orders int NOT NULL REFERENCES sales.orders ON DELETE CASCADE, position int NOT NULL, product int NOT NULL REFERENCES sales.product,
  quantity int NOT NULL CHECK (quantity > 0), price numeric(10, 2) NOT NULL, PRIMARY KEY (orders, position));
CREATE TABLE sales.price_change (id bigserial PRIMARY KEY, product int NOT NULL, was numeric(10, 2), became numeric(10, 2), at timestamptz NOT NULL);
CREATE INDEX orders_by_customer ON sales.orders (customer, placed DESC);
CREATE INDEX open_orders ON sales.orders (placed) WHERE state IN ('new', 'paid');
CREATE INDEX product_search ON sales.product USING gin (search);
CREATE FUNCTION sales.note_price_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO sales.price_change (product, was, became, at) VALUES (OLD.id, OLD.price, NEW.price, clock_timestamp());
  RETURN NEW;
END $$;
CREATE TRIGGER price_change AFTER UPDATE OF price ON sales.product
  FOR EACH ROW WHEN (OLD.price <> NEW.price) EXECUTE FUNCTION sales.note_price_change();
CREATE FUNCTION sales.total(which int) RETURNS numeric LANGUAGE sql STABLE SECURITY DEFINER AS
  $$ SELECT coalesce(sum(quantity * price), 0) FROM sales.order_line WHERE orders = which $$;
CREATE PROCEDURE sales.ship(which int) LANGUAGE sql AS $$ UPDATE sales.orders SET state = 'sent' WHERE id = which $$;
CREATE VIEW sales.turnover AS
  SELECT date_trunc('month', o.placed) AS month, sum(l.quantity * l.price) AS amount, count(DISTINCT o.id) AS orders
  FROM sales.orders o JOIN sales.order_line l ON l.orders = o.id WHERE o.state <> 'returned' GROUP BY 1;
CREATE MATERIALIZED VIEW sales.favourite AS
  SELECT product, sum(quantity) AS sold FROM sales.order_line GROUP BY product WITH NO DATA;
ALTER TABLE sales.customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY reports_see_all ON sales.customer FOR SELECT TO shop_reports USING (true);
CREATE POLICY web_sees_all ON sales.customer TO shop_web USING (true);
GRANT USAGE ON SCHEMA sales TO shop_web, shop_reports;
GRANT SELECT ON ALL TABLES IN SCHEMA sales TO shop_reports;
GRANT INSERT, UPDATE ON sales.customer, sales.orders, sales.order_line TO shop_web;
GRANT UPDATE (price) ON sales.product TO shop_web;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA sales TO shop_web;
REVOKE EXECUTE ON FUNCTION sales.total FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sales.total TO shop_web, shop_reports;
ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO shop_reports;
`;

/** The same rows at every first start. */
function buildRows(): string {
  const draw = drawFrom('shop');
  const customers = listCustomers(CUSTOMERS, draw).map(
    ({ name, email, city }, index) =>
      `(${quoteString(name)}, ${quoteString(email)}, ${quoteString(city)}, timestamptz '2021-03-01 08:00Z' + interval '${index * 31} hours')`,
  );
  const products = PRODUCTS.map(
    ({ name, kind, cents }, index) =>
      `(${quoteString(name)}, ${quoteString(kind)}, ${(cents / 100).toFixed(2)}, decode(md5('${index}') || md5('picture ${index}'), 'hex'))`,
  );
  return `
SET ROLE shop_owner;
INSERT INTO sales.customer (name, email, city, joined) VALUES ${customers.join(',\n')};
UPDATE sales.customer SET wishes = ARRAY['gift wrap', 'Lieferung bis 12 Uhr'], profile = jsonb_build_object('since', id, 'язык', 'de') WHERE id % 17 = 0;
INSERT INTO sales.product (name, kind, price, picture) VALUES ${products.join(',\n')};
INSERT INTO sales.orders (customer, placed, state, note)
  SELECT 1 + (i * 7919) % ${CUSTOMERS}, timestamptz '2024-01-02 09:00Z' + i * interval '97 minutes', (enum_range(NULL::sales.order_state))[1 + i % 5],
    CASE WHEN i % 11 = 0 THEN 'Bitte beim Nachbarn abgeben — danke! 🍵' WHEN i % 13 = 0 THEN E'floor 3\\ndoor "left"' END
  FROM generate_series(1, ${ORDERS}) i;
INSERT INTO sales.order_line (orders, position, product, quantity, price)
  SELECT o.id, n, p.id, 1 + (o.id + n) % 4, p.price FROM sales.orders o CROSS JOIN generate_series(1, 3) n
  JOIN sales.product p ON p.id = 1 + (o.id * 31 + n * 7) % ${PRODUCTS.length} WHERE n <= 1 + o.id % 3;
UPDATE sales.product SET price = round(price * 1.05, 2) WHERE id % 5 = 0;
RESET ROLE;
SELECT lo_from_bytea(20240101, convert_to(repeat('Terms of sale. Geschäftsbedingungen. ', 500), 'UTF8'));
ANALYZE;
`;
}
