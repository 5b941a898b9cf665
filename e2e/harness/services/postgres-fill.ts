import { quoteIdentifier } from './sql-text.ts';

type Query = (sql: string, database?: string) => Promise<string>;

/**
 * Makes a database with everything that a dump or restore can lose, and about `megabytes` of rows in one table.
 * Roles `<name>_owner`, `<name>_app` (may log in) and `<name>_reader` are made when missing; the owner owns it all.
 * The same arguments always make the same rows.
 */
export async function fillPostgres(query: Query, name: string, megabytes: number): Promise<void> {
  const roles = await createRoles(query, name);
  await query(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ENCODING 'UTF8' OWNER ${roles.owner}`);
  await query(buildDefinitions(roles), name);
  await query(buildOddRows(), name);
  await query(buildBulkRows(megabytes), name);
  await query('ANALYZE', name);
}

/** The roles that `fillPostgres` would make, where they are missing. Roles are of the whole server: every dump of them sees a new one. */
export async function createRoles(query: Query, name: string): Promise<Roles> {
  const roles = {
    owner: quoteIdentifier(`${name}_owner`),
    app: quoteIdentifier(`${name}_app`),
    reader: quoteIdentifier(`${name}_reader`),
  };
  const existing = (await query('SELECT rolname FROM pg_roles')).split('\n');
  for (const [kind, role] of Object.entries(roles)) {
    if (!existing.includes(`${name}_${kind}`)) await query(`CREATE ROLE ${role} ${kind === 'app' ? 'LOGIN' : 'NOLOGIN'}`);
  }
  await query(`GRANT ${roles.reader} TO ${roles.app}`);
  return roles;
}

type Roles = { readonly owner: string; readonly app: string; readonly reader: string };

function buildDefinitions({ owner, app, reader }: Roles): string {
  return `
SET ROLE ${owner};
CREATE SCHEMA shop;
COMMENT ON SCHEMA shop IS 'Orders — Bestellungen, заказы, 注文';
CREATE TYPE shop.order_state AS ENUM ('new', 'paid', 'sent', 'zurück');
CREATE DOMAIN shop.email AS text CHECK (VALUE ~ '^[^@]+@[^@]+$');
CREATE SEQUENCE shop.invoice_number START 10000 INCREMENT 7;
CREATE TABLE shop.customer (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, email shop.email UNIQUE, tags text[] NOT NULL DEFAULT '{}',
  profile jsonb NOT NULL DEFAULT '{}', balance numeric(14, 4) NOT NULL DEFAULT 0, photo bytea, factor double precision,
  joined timestamptz NOT NULL, changed timestamptz, name_length int GENERATED ALWAYS AS (length(name)) STORED);
CREATE TABLE shop."Bestellung ""groß"" 注文" (
  id int PRIMARY KEY DEFAULT nextval('shop.invoice_number'), customer bigint NOT NULL REFERENCES shop.customer ON DELETE CASCADE,
  state shop.order_state NOT NULL DEFAULT 'new', note text, CONSTRAINT "note is short" CHECK (length(note) < 100000));
CREATE TABLE shop.invoice (year int NOT NULL, number int NOT NULL, amount numeric, PRIMARY KEY (year, number)) PARTITION BY RANGE (year);
CREATE TABLE shop.invoice_old PARTITION OF shop.invoice FOR VALUES FROM (MINVALUE) TO (2020);
CREATE TABLE shop.invoice_new PARTITION OF shop.invoice DEFAULT;
CREATE TABLE shop.event_log (id bigserial PRIMARY KEY, at timestamptz NOT NULL, kind text NOT NULL, body text NOT NULL);
CREATE TABLE shop.empty (nothing int);
CREATE INDEX customer_lower_name ON shop.customer (lower(name)) WHERE balance > 0;
CREATE VIEW shop.rich AS SELECT id, name, balance FROM shop.customer WHERE balance > 100;
CREATE MATERIALIZED VIEW shop.state_count AS SELECT state, count(*) FROM shop."Bestellung ""groß"" 注文" GROUP BY state;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.changed := NEW.joined + interval '1 day'; RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON shop.customer FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE FUNCTION shop.total(who bigint) RETURNS numeric LANGUAGE sql STABLE SECURITY DEFINER AS
$$ SELECT balance FROM shop.customer WHERE id = who AND '"quotes" \\ and ''backslash''' <> '' $$;
CREATE PROCEDURE shop.forget(who bigint) LANGUAGE sql AS $$ DELETE FROM shop.customer WHERE id = who $$;
ALTER TABLE shop.customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON shop.customer FOR SELECT TO ${reader} USING (balance >= 0);
GRANT USAGE ON SCHEMA shop TO ${reader};
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO ${reader};
GRANT UPDATE (name, email) ON shop.customer TO ${app};
GRANT INSERT ON shop.event_log TO ${app} WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE shop.invoice_number TO ${app};
REVOKE EXECUTE ON FUNCTION shop.total FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shop.total TO ${app};
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO ${reader};
`;
}

/** Values at the edges of their types, and texts that careless quoting or encoding would change. */
function buildOddRows(): string {
  return `
INSERT INTO shop.customer (name, email, tags, profile, balance, photo, factor, joined) VALUES
  (E'O''Brien \\\\ "quoted"\\ttab\\nnewline', 'a@example.com', '{}', '{}', 0, '\\x', 'NaN', 'epoch'),
  ('Zoë 🦔 Ünïcödé 注文 ‮rtl', 'b@example.com', '{"a,b","{}",NULL,""}', '{"k": [1, null, "\\u00e9"]}', 99999.9999, '\\x00ff00', 'Infinity', 'infinity'),
  ('', 'c@example.com', '{x}', '{"deep": {"er": true}}', -0.0001, NULL, 1e-300, '0001-01-01 00:00:00+00 BC'),
  ('\\.', 'd@example.com', '{}', '{}', 0.5, decode(repeat('00ff10', 1000), 'hex'), 0.1, '2024-02-29 23:59:59.999999+14');
INSERT INTO shop.customer (name, email, balance, joined)
  SELECT 'Customer ' || i, 'customer' || i || '@example.com', (i * 37 % 1000)::numeric / 8, timestamptz '2020-01-01 00:00Z' + i * interval '1 hour'
  FROM generate_series(1, 500) i;
INSERT INTO shop."Bestellung ""groß"" 注文" (customer, state, note)
  SELECT 1 + i % 400, (enum_range(NULL::shop.order_state))[1 + i % 4], CASE WHEN i % 7 = 0 THEN NULL ELSE repeat('Größe ', i % 9) END
  FROM generate_series(1, 700) i;
UPDATE shop."Bestellung ""groß"" 注文" SET note = repeat('large text ☃ ', 7000) WHERE id = 10000;
INSERT INTO shop.invoice SELECT 2015 + i % 10, i, i * 1.5 FROM generate_series(1, 300) i;
REFRESH MATERIALIZED VIEW shop.state_count;
SELECT lo_from_bytea(424242, decode(repeat('c0ffee', 20000), 'hex'));
`;
}

/** Each row takes about a kibibyte, a quarter of it unlike any other row's. */
function buildBulkRows(megabytes: number): string {
  const words = 'The quick brown fox jumps over the lazy dog; pack my box with five dozen liquor jugs. ';
  return `
INSERT INTO shop.event_log (at, kind, body)
  SELECT timestamptz '2021-01-01 00:00Z' + i * interval '1 second', 'kind' || i % 13,
    md5(i::text) || md5('a' || i) || md5('b' || i) || md5('c' || i) || md5('d' || i) || md5('e' || i) || md5('f' || i) || md5('g' || i) ||
    repeat('${words}', 8)
  FROM generate_series(1, ${Math.round(megabytes * 1000)}) i;
`;
}
