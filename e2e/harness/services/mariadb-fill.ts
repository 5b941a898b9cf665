import { quoteBacktick, quoteString } from './sql-text.ts';

type Query = (sql: string, database?: string) => Promise<string>;

/**
 * Makes a database with everything that a dump or restore can lose, and about `megabytes` of rows in one table.
 * The user `holdfast_app` is made when missing and may read the database. The same arguments always make the same rows.
 */
export async function fillMariadb(query: Query, name: string, megabytes: number): Promise<void> {
  await query(`CREATE DATABASE ${quoteBacktick(name)} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
  await query(buildTables(), name);
  await query(buildPrograms(), name);
  await query(buildOddRows(), name);
  await query(buildBulkRows(megabytes), name);
  const pattern = quoteBacktick(name.replaceAll('\\', '\\\\').replaceAll('_', '\\_').replaceAll('%', '\\%'));
  await query(`CREATE USER IF NOT EXISTS holdfast_app@'%'; GRANT SELECT ON ${pattern}.* TO holdfast_app@'%'`);
}

function buildTables(): string {
  return `
CREATE TABLE customer (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(200) NOT NULL COMMENT 'as ''written'' 🦔', email varchar(200) UNIQUE,
  profile json, balance decimal(14, 4) NOT NULL DEFAULT 0, photo longblob, factor double, flags set('a', 'b', 'c'), state enum('new', 'zurück'),
  joined datetime(6) NOT NULL, stamped timestamp NULL, spot point NULL, bits bit(17), changed int NOT NULL DEFAULT 0,
  name_length int AS (char_length(name)) STORED, latin varchar(50) CHARACTER SET latin1,
  KEY by_name (name(20), balance), CONSTRAINT positive CHECK (balance > -1000)) AUTO_INCREMENT = 1000;
CREATE TABLE \`Bestellung \`\`groß\`\` 注文\` (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY, customer bigint unsigned NOT NULL, note longtext,
  CONSTRAINT ordered_by FOREIGN KEY (customer) REFERENCES customer (id) ON DELETE CASCADE) COMMENT = 'Größe — заказы';
CREATE TABLE invoice (year int NOT NULL, number int NOT NULL, amount decimal(10, 2), PRIMARY KEY (year, number))
  PARTITION BY RANGE (year) (PARTITION old VALUES LESS THAN (2020), PARTITION recent VALUES LESS THAN MAXVALUE);
CREATE TABLE event_log (id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, at datetime NOT NULL, kind varchar(20) NOT NULL, body text NOT NULL);
CREATE TABLE empty_one (nothing int);
CREATE SEQUENCE invoice_number START WITH 10000 INCREMENT BY 7;
CREATE VIEW rich AS SELECT id, name, balance FROM customer WHERE balance > 100;
`;
}

function buildPrograms(): string {
  return `
DELIMITER //
CREATE TRIGGER count_changes BEFORE UPDATE ON customer FOR EACH ROW BEGIN
  SET NEW.changed = OLD.changed + 1; -- counts; 'quotes' and "double"
END//
CREATE TRIGGER tidy_email BEFORE INSERT ON customer FOR EACH ROW SET NEW.email = lower(NEW.email)//
CREATE FUNCTION total(who bigint) RETURNS decimal(14, 4) READS SQL DATA BEGIN
  RETURN (SELECT balance FROM customer WHERE id = who);
END//
CREATE PROCEDURE forget(IN who bigint) COMMENT 'löscht 🦔' BEGIN
  DELETE FROM customer WHERE id = who;
END//
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 03:00:00' ON COMPLETION PRESERVE ENABLE COMMENT 'far away' DO
  DELETE FROM event_log WHERE at < now() - INTERVAL 10 YEAR//
DELIMITER ;
`;
}

/** Values at the edges of their types, and texts that careless quoting or encoding would change. */
function buildOddRows(): string {
  return `
SET time_zone = '+00:00';
INSERT INTO customer (name, email, profile, balance, photo, factor, flags, state, joined, stamped, spot, bits, latin) VALUES
  ('O''Brien \\\\ "quoted"\\ttab\\nnewline\\0nul', 'A@example.com', '{"k": [1, null, "é"]}', 0, '', 1e-300, 'a,c', 'new', '1000-01-01 00:00:00.000001', NULL, NULL, NULL, 'Größe'),
  ('Zoë 🦔👩‍👩‍👧 注文 ‮rtl', 'b@example.com', '{}', 99999.9999, x'00ff0027225c1a', -1.5e300, '', 'zurück', '9999-12-31 23:59:59.999999', '2024-02-29 23:59:59', ST_GeomFromText('POINT(1.5 -2)'), b'10000000000000001', NULL),
  ('', NULL, NULL, -999.5, repeat(x'00ff10', 100000), 0.1, NULL, NULL, '2024-03-31 02:30:00', '1970-01-01 00:00:01', NULL, b'0', '');
INSERT INTO customer (name, email, balance, joined)
  SELECT concat('Customer ', seq), concat('customer', seq, '@example.com'), (seq * 37 % 1000) / 8, '2020-01-01' + INTERVAL seq HOUR FROM seq_1_to_500;
UPDATE customer SET name = concat(name, ' ✓') WHERE id % 50 = 0;
INSERT INTO \`Bestellung \`\`groß\`\` 注文\` (customer, note) SELECT id, if(id % 7 = 0, NULL, repeat('Größe ', id % 9)) FROM customer;
INSERT INTO \`Bestellung \`\`groß\`\` 注文\` (customer, note) VALUES (1000, repeat('large text ☃ ', 70000));
INSERT INTO invoice SELECT 2015 + seq % 10, seq, seq * 1.5 FROM seq_1_to_300;
SELECT nextval(invoice_number), nextval(invoice_number);
`;
}

/** Each row takes about a kibibyte, a quarter of it unlike any other row's. */
function buildBulkRows(megabytes: number): string {
  const rows = Math.round(megabytes * 1000);
  if (rows === 0) return 'SELECT 1';
  const words = quoteString('The quick brown fox jumps over the lazy dog; pack my box with five dozen liquor jugs. ');
  return `
INSERT INTO event_log (at, kind, body)
  SELECT '2021-01-01' + INTERVAL seq SECOND, concat('kind', seq % 13),
    concat(md5(seq), md5(concat('a', seq)), md5(concat('b', seq)), md5(concat('c', seq)), md5(concat('d', seq)), md5(concat('e', seq)),
      md5(concat('f', seq)), md5(concat('g', seq)), repeat(${words}, 8))
  FROM seq_1_to_${rows};
`;
}
