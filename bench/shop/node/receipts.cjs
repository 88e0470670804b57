// Receipts: what is due is read from the outbox, 64 senders take it. SMTP by hand, a connection for each mail: lines and their answers.
'use strict';
const net = require('node:net');

const SENDERS = 64;

function deliver(host, port, lines) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port: Number(port) });
    let text = '', next = 0;
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the mail server has closed')));
    socket.on('data', chunk => {
      text += chunk;
      if (next === lines.length || !/(^|\n)\d{3} [^\n]*\r\n$/.test(text))
        return;     // the answer to QUIT, or not the last line of one yet
      if (text[0] !== '2' && text[0] !== '3')
        return socket.destroy(new Error(text));
      text = '';
      if (next === lines.length - 1)
        resolve();      // QUIT: it has the mail
      socket.write(lines[next++]);
      if (next === lines.length)
        socket.end();
    });
  });
}

function linesOf({ email, token, total }) {
  const text = `From: shop@localhost\r\nTo: ${email}\r\nSubject: Your order ${token}\r\nMessage-ID: <${token}@localhost>\r\n\r\n` +
    `Thank you. We have charged ${(total / 100).toFixed(2)} EUR.\r\n`;
  return ['EHLO localhost\r\n', 'MAIL FROM:<shop@localhost>\r\n', `RCPT TO:<${email}>\r\n`, 'DATA\r\n', text + '.\r\n', 'QUIT\r\n'];
}

function sendReceipts(store, address) {
  const [host, port] = address.split(':');
  let due = [], last = 0, busy = 0;
  async function send(receipt) {
    try {
      await deliver(host, port, linesOf(receipt));
      await store.write('sent', receipt.id);
    } catch (error) {
      console.error(error.message);
    }
    busy--;
    fill();
  }
  function fill() {
    while (busy < SENDERS) {
      if (due.length === 0) {
        due = store.due(last).reverse();
        if (due.length === 0)
          return;
        last = due[0].id;
      }
      busy++;
      send(due.pop());
    }
  }
  store.committed = fill;
  fill();
}

module.exports = { sendReceipts };
