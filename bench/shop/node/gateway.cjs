// Charges cards: node:http with connections kept alive, as many as there are charges.
'use strict';
const http = require('node:http');

const TIMEOUT_MS = 20000;

function openGateway(address) {
  const url = new URL('/v1/payment_intents', address);
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 8192 });
  const options = { method: 'POST', host: url.hostname, port: url.port, path: url.pathname, agent, timeout: TIMEOUT_MS };

  // Resolves with {intent} or {declined}; rejects where nobody knows.
  return order => new Promise((resolve, reject) => {
    const form = new URLSearchParams({ amount: order.total, currency: 'eur', payment_method: order.method, confirm: 'true',
      'metadata[order]': order.token }).toString();
    const headers = { Authorization: 'Bearer sk_test_bench', 'Content-Type': 'application/x-www-form-urlencoded',
      'Idempotency-Key': order.chargeKey, 'Content-Length': Buffer.byteLength(form) };
    const request = http.request({ ...options, headers }, reply => {
      let body = '';
      reply.setEncoding('utf8');
      reply.on('data', text => { body += text; });
      reply.on('error', reject);
      reply.on('end', () => {
        try {
          resolve(readCharge(reply.statusCode, JSON.parse(body)));
        } catch (error) {
          reject(error);
        }
      });
    });
    request.on('timeout', () => request.destroy(new Error('the gateway does not answer')));
    request.on('error', reject);
    request.end(form);
  });
}

function readCharge(status, told) {
  if (status === 402)
    return { declined: told.error };
  if (status !== 200 || told.status !== 'succeeded')
    throw new Error(`the gateway answered ${status}`);
  return { intent: told.id };
}

module.exports = { openGateway };
