import { describe, expect, it } from 'vitest';
import { ownLine } from '../../src/db/dump/mysql.ts';

const all = { triggers: true, sandbox: true };

/** Lines as mariadb-dump 10.11 writes them. */
describe('a line of a dump of MariaDB', () => {
  const trigger =
    "/*!50003 CREATE*/ /*!50017 DEFINER=`ro``ot`@`127.0.0.1`*/ /*!50003 TRIGGER t_no_update BEFORE UPDATE ON t FOR EACH ROW SIGNAL SQLSTATE '45000' */;;";

  it('names nobody as the owner of a view or a trigger, so that any user may load it', () => {
    expect(ownLine('/*!50013 DEFINER=`root`@`127.0.0.1` SQL SECURITY DEFINER */', all)).toBe(
      '/*!50013 SQL SECURITY DEFINER */',
    );
    expect(ownLine(trigger, all)).toBe(trigger.replace(' DEFINER=`ro``ot`@`127.0.0.1`', ''));
  });

  it('is left out when it makes a trigger and the user may not', () => {
    expect(ownLine(trigger, { ...all, triggers: false })).toBeUndefined();
    expect(ownLine('/*!50003 SET sql_mode = @saved_sql_mode */ ;', { ...all, triggers: false })).toBeDefined();
  });

  it('is left out when the client does not know the mode that it asks for', () => {
    const mode = '/*M!999999\\- enable the sandbox mode */ ';
    expect([ownLine(mode, all), ownLine(mode, { ...all, sandbox: false })]).toEqual([mode, undefined]);
  });

  it('with rows stays as it is, whatever they hold', () => {
    const row = "(1,'/*!50013 DEFINER=`a`@`b` SQL SECURITY DEFINER */','CREATE*/ TRIGGER '),";
    for (const line of [row, `INSERT INTO \`assets\` VALUES ${row}`])
      expect(ownLine(line, { triggers: false, sandbox: false })).toBe(line);
  });
});
