// The one writer: each message is a list of changes, made in one transaction; the answer says what went wrong, or nothing.
'use strict';
const path = require('node:path');
const { parentPort, workerData } = require('node:worker_threads');
const Database = require(path.join(workerData.modules, 'node_modules/better-sqlite3'));

const db = new Database(workerData.file);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
const addOrder = db.prepare('INSERT INTO orders (token, state, created_ms, total_cents, currency, key, body_hash, charge_key, email, ' +
  "method) VALUES (?, ?, ?, ?, 'eur', ?, ?, ?, ?, ?)");
const addLine = db.prepare('INSERT INTO order_lines VALUES (?, ?, ?, ?, ?)');
const addPayment = db.prepare('INSERT INTO payments VALUES (?, ?, 201, ?)');
const addReceipt = db.prepare('INSERT INTO outbox VALUES (?, 1, ?)');
const endOrder = db.prepare('UPDATE orders SET state = 2 WHERE token = ? AND state = 1 RETURNING id').pluck();
const endReceipt = db.prepare('UPDATE outbox SET state = 4, next_ms = ? WHERE order_id = ?');

function add(order, state) {
  const id = addOrder.run(order.token, state, order.created, order.total, order.key, order.hash, order.chargeKey, order.email, order.method)
    .lastInsertRowid;
  order.items.forEach((item, i) => addLine.run(id, i, item.sku, item.qty, item.price_cents));
  return id;
}

function end(order, id) {
  addPayment.run(id, order.intent, order.answer);
  addReceipt.run(id, order.created);
}

const changes = {
  place: order => add(order, 1),
  settle: order => end(order, endOrder.get(order.token)),
  placeAndSettle: order => end(order, add(order, 2)),
  sent: id => endReceipt.run(Date.now(), id),
};
const apply = db.transaction(batch => {
  for (const { what, value } of batch)
    changes[what](value);
});

parentPort.on('message', batch => {
  let trouble = null;
  try {
    apply.immediate(batch);
  } catch (error) {
    trouble = error.message;
  }
  parentPort.postMessage(trouble);
});
