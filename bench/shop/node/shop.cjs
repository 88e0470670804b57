// A shop as one writes it in Node: node:http, better-sqlite3 in a thread of its own that commits for all who wait, receipts by 64 senders.
//
//     node shop.cjs FOLDER_OF_MODULES --listen HOST:PORT --db FILE --gateway URL [--mail HOST:PORT] [--commits 1|2]
//
// A peer for bench/shop, so it takes, does and stores what prong-shop does for a good order, and leaves out what costs it nothing here:
// pages, stock, retries, what an earlier process left half done.
'use strict';
const { createHmac, createHash } = require('node:crypto');
const http = require('node:http');
const { parseArgs } = require('node:util');
const { openStore } = require('./store.cjs');
const { openGateway } = require('./gateway.cjs');
const { sendReceipts } = require('./receipts.cjs');

const MOST_BYTES = 64 << 10;
const PRICES = new Map(['RED', 'BLUE', 'GREEN', 'BLACK'].flatMap(colour =>
  ['S', 'M', 'L', 'XL'].map(size => [`TSHIRT-${colour}-${size}`, 1990])));

const { values, positionals } = parseArgs({ allowPositionals: true, options: {
  listen: { type: 'string', default: '127.0.0.1:0' }, db: { type: 'string' }, gateway: { type: 'string' }, mail: { type: 'string' },
  commits: { type: 'string', default: '1' } } });
const store = openStore(positionals[0], values.db);
const charge = openGateway(values.gateway);
const intentFirst = values.commits === '2';
const underWay = new Set();     // keys

class Refused extends Error {
  constructor(status, code, message, field) {
    super(message);
    this.status = status;
    this.told = { error: { code, message, field } };
  }
}

const derive = (purpose, key) => createHmac('sha256', store.secret).update(purpose).update(key).digest().subarray(0, 16);

function checkItem({ sku, qty }) {
  const price = PRICES.get(sku);
  if (price === undefined || !Number.isInteger(qty) || qty < 1 || qty > 99)
    throw new Refused(400, 'invalid', 'no such item, or not 1 to 99 of it', 'items');
  return { sku, qty, price_cents: price };
}

function readOrder(key, body) {
  let wish;
  try {
    wish = JSON.parse(body);
  } catch {
    throw new Refused(400, 'invalid', 'the body is no order');
  }
  const { email, payment_method: method, items } = wish;
  if (!key || key.length > 255)
    throw new Refused(400, 'invalid', 'a key of up to 255 characters', 'Idempotency-Key');
  if (typeof email !== 'string' || email.length > 254 || !/^[^@\s\0]+@[^@\s\0]+$/.test(email))
    throw new Refused(400, 'invalid', 'no e-mail address', 'email');
  if (typeof method !== 'string' || !method.startsWith('pm_') || method.length > 128)
    throw new Refused(400, 'invalid', 'no payment method', 'payment_method');
  if (!Array.isArray(items) || items.length < 1 || items.length > 100)
    throw new Refused(400, 'invalid', '1 to 100 items', 'items');
  const checked = items.map(checkItem);
  return { key, email, method, items: checked, total: checked.reduce((sum, item) => sum + item.price_cents * item.qty, 0),
    hash: createHash('sha256').update(body).digest().subarray(0, 16), token: derive('token', key).toString('base64url'),
    chargeKey: derive('charge', key).toString('hex'), created: Date.now() };
}

function paidAnswer(order) {
  return JSON.stringify({ order: { token: order.token, url: '/orders/' + order.token, state: 'paid', total_cents: order.total,
    currency: 'eur', items: order.items, receipt: 'ready', created: new Date(order.created).toISOString() } });
}

async function buy(order) {
  const old = store.find(order.token);
  if (old && !old.body_hash.equals(order.hash))
    throw new Refused(422, 'key_reused', 'this key belongs to another order', 'Idempotency-Key');
  if (old?.answer)
    return old.answer;
  if (intentFirst && !old)
    await store.write('place', order);
  const paid = await charge(order);
  if (paid.declined)
    throw new Refused(402, paid.declined.code, paid.declined.message);
  order.intent = paid.intent;
  order.answer = paidAnswer(order);
  await store.write(intentFirst ? 'settle' : 'placeAndSettle', order);
  return order.answer;
}

function bodyOf(request) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    let size = 0;
    request.on('data', chunk => {
      size += chunk.length;
      if (size > MOST_BYTES)
        reject(new Refused(400, 'invalid', 'the body is too large'));
      else
        chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    request.on('error', reject);
  });
}

async function takeOrder(request) {
  if (request.method !== 'POST' || request.url !== '/orders' || !request.headers['content-type']?.startsWith('application/json'))
    throw new Refused(400, 'invalid', 'POST /orders with application/json');
  const order = readOrder(request.headers['idempotency-key'], await bodyOf(request));
  if (underWay.has(order.key))
    throw new Refused(409, 'in_progress', 'this order is being charged');
  underWay.add(order.key);
  try {
    return { token: order.token, body: await buy(order) };
  } finally {
    underWay.delete(order.key);
  }
}

function answer(response, status, body, more) {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...more });
  response.end(body);
}

const server = http.createServer((request, response) => {
  takeOrder(request).then(
    ({ token, body }) => answer(response, 201, body, { Location: '/orders/' + token }),
    error => {
      const told = error instanceof Refused ? error : new Refused(503, 'busy', 'ask again with the same key');
      answer(response, told.status, JSON.stringify(told.told), { 'Retry-After': '1' });
    });
});

if (values.mail)
  sendReceipts(store, values.mail);
const [host, port] = values.listen.split(':');
server.listen({ host, port: Number(port), backlog: 4096 }, () => console.log(`listening on http://${host}:${server.address().port}`));
for (const signal of ['SIGTERM', 'SIGINT'])
  process.on(signal, () => {
    server.close(() => process.exit(0));    // what was answered is on disk, and receipts that were not sent stay in the outbox
    server.closeIdleConnections();
  });
