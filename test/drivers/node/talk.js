// node-pg's part in test_drivers.py. It names a statement when it is told to, and has no COPY of its own.
"use strict";

const fs = require("fs");
const { createRequire } = require("module");

const [habit, modules] = process.argv.slice(2);
const { Client } = createRequire(modules + "/")("pg");

async function connect() {
  const client = new Client({
    ssl: { ca: fs.readFileSync(process.env.PGSSLROOTCERT), rejectUnauthorized: true },
    connectionTimeoutMillis: 20000,
    query_timeout: 20000,
  });
  await client.connect();
  return client;
}

function run(client, text, values) {
  const name = habit === "named" && values ? text : undefined;
  return client.query({ name, text, values });
}

async function value(client, text, values) {
  return Object.values((await run(client, text, values)).rows[0])[0];
}

const count = (client) => value(client, "SELECT count(*)::int FROM talk");

async function add(client, number, word) {
  return (await run(client, "INSERT INTO talk (id, word) VALUES ($1, $2)", [number, word])).rowCount;
}

async function change(one) {
  await run(one, "CREATE TABLE talk (id int PRIMARY KEY, word text)");
  console.log("inserted", (await add(one, 1, "één")) + (await add(one, 2, null)));
  const words = [];
  for (const id of [1, 2]) words.push((await value(one, "SELECT word FROM talk WHERE id = $1", [id])) ?? "-");
  console.log("selected", ...words);

  await run(one, "BEGIN");
  await add(one, 3, "committed");
  await run(one, "COMMIT");
  await run(one, "BEGIN");
  await add(one, 4, "rolled back");
  await run(one, "ROLLBACK");
  console.log("committed", await count(one));

  const batch = await Promise.all([11, 12, 13, 14, 15].map((id) => add(one, id, "batch")));
  console.log("batch", batch.length);
  await run(one, "INSERT INTO talk (id, word) SELECT i, 'not copied' FROM generate_series(100, 1099) AS i");
}

async function fail(one) {
  await run(one, "BEGIN");
  await run(one, "SELECT 1 / $1::int", [0]).catch((error) => console.log("failed", error.code));
  await run(one, "ROLLBACK");
  console.log("recovered", await value(one, "SELECT 1"));
}

async function main() {
  const one = await connect();
  console.log("connected", await value(one, "SELECT 1"));
  await change(one);
  await fail(one);
  let sum = 0;
  for (let i = 1; i <= 10; i++) sum += await value(one, "SELECT $1::int", [i]);
  console.log("repeated", sum);
  console.log("large", (await value(one, "SELECT $1::text", ["x".repeat(300000)])).length);
  console.log("named", await value(one, "SELECT count(*) > 0 FROM pg_prepared_statements"));
  const other = await connect();
  console.log("other", await count(other));
  await other.end();
  await run(one, "DROP TABLE talk");
  await one.end();
  console.log("done");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
