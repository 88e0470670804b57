// The database: read here, written by writer.cjs in a thread of its own. What waits while that commits goes to it together, next.
'use strict';
const path = require('node:path');
const { Worker } = require('node:worker_threads');
const { randomBytes } = require('node:crypto');

const SCHEMA = `
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, state INTEGER NOT NULL, created_ms INTEGER NOT NULL,
  total_cents INTEGER NOT NULL, currency TEXT NOT NULL, key TEXT NOT NULL, body_hash BLOB NOT NULL, charge_key TEXT NOT NULL,
  email TEXT NOT NULL, method TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS order_lines (order_id INTEGER NOT NULL, line INTEGER NOT NULL, sku TEXT NOT NULL, qty INTEGER NOT NULL,
  price_cents INTEGER NOT NULL, PRIMARY KEY (order_id, line)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS payments (order_id INTEGER PRIMARY KEY, intent TEXT NOT NULL, status INTEGER NOT NULL, answer BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (order_id INTEGER PRIMARY KEY, state INTEGER NOT NULL, next_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_open ON outbox (order_id) WHERE state = 1;`;

function openStore(modules, file) {
  const Database = require(path.join(modules, 'node_modules/better-sqlite3'));
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.exec(SCHEMA);
  db.prepare("INSERT OR IGNORE INTO meta VALUES ('secret', ?)").run(randomBytes(32));
  const finds = db.prepare('SELECT o.body_hash, p.answer FROM orders o LEFT JOIN payments p ON p.order_id = o.id WHERE o.token = ?');
  const dues = db.prepare('SELECT r.order_id AS id, o.token, o.email, o.total_cents AS total FROM outbox r JOIN orders o ' +
    'ON o.id = r.order_id WHERE r.state = 1 AND r.order_id > ? ORDER BY r.order_id LIMIT 256');

  const writer = new Worker(path.join(__dirname, 'writer.cjs'), { workerData: { modules, file } });
  let waiting = [], committing = null;
  const store = {
    secret: db.prepare("SELECT value FROM meta WHERE name = 'secret'").pluck().get(),
    committed() {},     // told after each commit
    find: token => finds.get(token),
    due: after => dues.all(after),
    write(what, value) {    // resolves when it is on disk
      return new Promise((resolve, reject) => {
        waiting.push({ what, value, resolve, reject });
        if (!committing && waiting.length === 1)
          setImmediate(commit);     // with whoever else comes in this turn of the loop
      });
    },
  };
  function commit() {
    committing = waiting;
    waiting = [];
    writer.postMessage(committing.map(({ what, value }) => ({ what, value })));
  }
  writer.on('message', trouble => {
    const done = committing;
    committing = null;
    if (waiting.length > 0)
      commit();
    for (const { resolve, reject } of done)
      trouble ? reject(new Error(trouble)) : resolve();
    store.committed();
  });
  return store;
}

module.exports = { openStore };
