/** The MariaDB sample: the warehouse of the same shop, with routines, triggers, events, users and grants. */
import { quoteString } from '../../../e2e/harness/services/sql-text.ts';
import { PRODUCTS } from './people-and-goods.ts';

export const WAREHOUSE = 'warehouse';
export const WAREHOUSE_RESTORED = 'warehouse_restored';

type Query = (sql: string, database?: string) => Promise<string>;

const MOVEMENTS = 25_000;

/** Makes the database with everything in it. MariaDB renames no database, so a table that is filled last tells that it is whole. */
export async function createWarehouse(query: Query): Promise<void> {
  await query(
    `DROP DATABASE IF EXISTS ${WAREHOUSE}; CREATE DATABASE ${WAREHOUSE} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`,
  );
  await query(TABLES, WAREHOUSE);
  await query(PROGRAMS, WAREHOUSE);
  await query(buildRows(), WAREHOUSE);
  await query(`
CREATE USER IF NOT EXISTS warehouse_app@'127.0.0.1';
CREATE USER IF NOT EXISTS warehouse_clerk@'127.0.0.1';
GRANT SELECT, INSERT, UPDATE, EXECUTE ON ${WAREHOUSE}.* TO warehouse_app@'127.0.0.1';
GRANT SELECT (id, name, stock), UPDATE (stock) ON ${WAREHOUSE}.item TO warehouse_clerk@'127.0.0.1';
`);
  await query("INSERT INTO ready VALUES ('all rows are in')", WAREHOUSE);
}

export async function isWarehouseComplete(query: Query): Promise<boolean> {
  const tables = await query(
    `SELECT count(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '${WAREHOUSE}' AND TABLE_NAME = 'ready'`,
  );
  return tables === '1' && (await query('SELECT count(*) FROM ready', WAREHOUSE)) === '1';
}

/** Takes some new goods in, so that a later backup differs from the earlier ones. Gives how many movements there are then. */
export async function takeGoodsIn(query: Query, count: number): Promise<number> {
  await query(
    `INSERT INTO movement (item, amount, reason, at) SELECT 1 + seq % ${PRODUCTS.length}, 5 + seq % 20, 'delivery', now(6) FROM seq_1_to_${count}`,
    WAREHOUSE,
  );
  return Number(await query('SELECT count(*) FROM movement', WAREHOUSE));
}

const TABLES = `
CREATE TABLE item (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(200) NOT NULL UNIQUE COMMENT 'as the shop’s "product" calls it',
  shelf char(4) CHARACTER SET ascii NOT NULL, stock int NOT NULL DEFAULT 0, lowest int NOT NULL DEFAULT 5, label json, photo mediumblob,
  KEY by_shelf (shelf), CONSTRAINT shelf_form CHECK (shelf REGEXP '^[A-Z][0-9]{3}$')) COMMENT = 'Lagerbestand — запасы — 在庫';
CREATE TABLE movement (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, item int unsigned NOT NULL, amount int NOT NULL,
  reason enum('delivery', 'sale', 'return', 'inventory') NOT NULL, at datetime(6) NOT NULL, remark varchar(500),
  KEY by_item (item, at), CONSTRAINT of_item FOREIGN KEY (item) REFERENCES item (id));
CREATE TABLE inventory (year int NOT NULL, item int unsigned NOT NULL, counted int NOT NULL, PRIMARY KEY (year, item))
  PARTITION BY RANGE (year) (PARTITION old VALUES LESS THAN (2024), PARTITION recent VALUES LESS THAN MAXVALUE);
CREATE TABLE ready (text varchar(50) NOT NULL);
CREATE SEQUENCE delivery_number START WITH 7000 INCREMENT BY 1;
CREATE VIEW to_order AS SELECT id, name, stock, lowest FROM item WHERE stock < lowest;
`;

const PROGRAMS = `
DELIMITER //
CREATE TRIGGER keep_stock AFTER INSERT ON movement FOR EACH ROW BEGIN
  UPDATE item SET stock = stock + NEW.amount WHERE id = NEW.item; -- 'quotes' and "double"
END//
CREATE TRIGGER tidy_shelf BEFORE INSERT ON item FOR EACH ROW SET NEW.shelf = upper(NEW.shelf)//
CREATE FUNCTION stock_value(which int unsigned, cents int) RETURNS decimal(14, 2) READS SQL DATA BEGIN
  RETURN (SELECT stock * cents / 100 FROM item WHERE id = which);
END//
CREATE PROCEDURE count_shelf(IN which char(4)) COMMENT 'zählt ein Regal 📦' BEGIN
  SELECT name, stock FROM item WHERE shelf = which ORDER BY name;
END//
CREATE EVENT yearly_inventory ON SCHEDULE EVERY 1 YEAR STARTS '2037-12-31 22:00:00' ON COMPLETION PRESERVE ENABLE COMMENT 'Jahresabschluss' DO
  INSERT IGNORE INTO inventory SELECT year(now()), id, stock FROM item//
DELIMITER ;
`;

/** The same rows at every first start. */
function buildRows(): string {
  const items = PRODUCTS.map(({ name, kind }, index) => {
    const shelf = `${kind.slice(0, 1)}${String(100 + index)}`;
    const label = JSON.stringify({ kind, barcode: 4000000000000 + index, text: name });
    return `(${quoteString(name, true)}, '${shelf}', ${quoteString(label, true)}, repeat(x'${index.toString(16).padStart(2, '0')}ff00', 400))`;
  });
  return `
SET time_zone = '+00:00';
INSERT INTO item (name, shelf, label, photo) VALUES ${items.join(',\n')};
INSERT INTO movement (item, amount, reason, at, remark)
  SELECT 1 + seq % ${PRODUCTS.length}, if(seq % 4 = 0, 12, -2), if(seq % 4 = 0, 'delivery', 'sale'), '2024-01-02 06:00:00' + INTERVAL seq MINUTE,
    if(seq % 19 = 0, concat('Kiste ', seq, ' — beschädigt? 🤔'), NULL)
  FROM seq_1_to_${MOVEMENTS};
INSERT INTO inventory SELECT 2022 + seq % 3, 1 + seq % ${PRODUCTS.length}, seq % 90 FROM seq_1_to_${PRODUCTS.length * 3} ON DUPLICATE KEY UPDATE counted = counted;
SELECT nextval(delivery_number), nextval(delivery_number);
`;
}
