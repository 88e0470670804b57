// One query by Polars.  node polars_peer.cjs FOLDER_WITH_NODE_MODULES FILE.csv EXPRESSION   Prints CSV. Threads: POLARS_MAX_THREADS.
const { createRequire } = require('module');
const [folder, path, expression] = process.argv.slice(2);
const pl = createRequire(folder + '/')('nodejs-polars');
const run = new Function('pl', 'c', 'f', 'return ' + expression);
process.on('uncaughtException', (error) => { console.error(String(error)); process.exit(1); });
const answer = run(pl, pl.col, pl.scanCSV(path)).collectSync();
const cell = (value) => value === null || value === undefined ? '' : String(value);
const lines = [answer.columns.join(',')];
for (const row of answer.rows()) lines.push(row.map(cell).join(','));
process.stdout.write(lines.join('\n') + '\n');
