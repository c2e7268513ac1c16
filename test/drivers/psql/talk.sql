-- psql's part in test_drivers.py. Variable: named, whether to prepare statements by name.
SELECT 'connected ' || 1;
CREATE TABLE talk (id int PRIMARY KEY, word text);
INSERT INTO talk (id, word) VALUES (1, 'één'), (2, NULL);
\echo inserted :ROW_COUNT
SELECT 'selected ' || a.word || ' ' || coalesce(b.word, '-') FROM talk a, talk b WHERE a.id = 1 AND b.id = 2;
BEGIN;
INSERT INTO talk (id, word) VALUES (3, 'committed');
COMMIT;
BEGIN;
INSERT INTO talk (id, word) VALUES (4, 'rolled back');
ROLLBACK;
SELECT 'committed ' || count(*) FROM talk;
INSERT INTO talk (id, word) SELECT i, 'batch' FROM generate_series(11, 15) AS i \; SELECT 'batch ' || count(*) FROM talk WHERE word = 'batch';
\copy talk (id) FROM PROGRAM 'seq 100 1099'
\echo copied in :ROW_COUNT
\copy talk (id) TO PROGRAM 'echo copied out $(wc -l)'
\set ON_ERROR_STOP off
BEGIN;
SELECT 1 / 0;
\echo failed :LAST_ERROR_SQLSTATE
ROLLBACK;
\set ON_ERROR_STOP on
SELECT 'recovered ' || 1;
\if :named
PREPARE given (int) AS SELECT $1 AS sum;
EXECUTE given (55) \gset
\else
SELECT 55 AS sum \gset
\endif
\echo repeated :sum
SELECT repeat('x', 300000) AS large \gset
SELECT 'large ' || length(:'large');
SELECT 'named ' || (count(*) > 0) FROM pg_prepared_statements;
\connect
SELECT 'other ' || count(*) FROM talk;
DROP TABLE talk;
\echo done
