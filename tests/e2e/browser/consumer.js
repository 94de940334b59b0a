// consumer.js PAGE SERVER RATE: packaging/consumers/browser on ticks, RATE a second, that are all there, that
// are sampled, and that begin anew. Asks for "drop", that some ticks are dropped (the answer: how many were in
// all), "stop", the end of the pipeline, and "start", its next beginning.
'use strict';

const assert = require('node:assert');
const { assertAccessible, assertTabOrder, have, inEveryView, main, run, shot, until } = require('./chromium.js');

const [address, server] = process.argv.slice(2);
const rate = Number(process.argv[4]);

async function parts(page) {
  const seen = await page.evaluate(async () => {
    const { Batches, Gaps } = await import('/ticks.js');
    const gaps = new Gaps();
    const told = [['a', 7], ['a', 8], ['b', 1], ['a', 11], ['b', 2], ['a', 1]].map(([key, seq]) => gaps.see(key, seq));
    const batches = new Batches();
    for (let n = 0; n < 30000; ++n) batches.add('abc'[n % 3], n);
    const first = [...batches.take()];
    return { told, missed: gaps.missed, restarts: gaps.restarts, first, merged: batches.merged, rest: batches.take().size };
  });
  assert.deepStrictEqual(seen, { told: [0, 0, 0, 2, 0, -1], missed: 2, restarts: 1,
    first: [['a', 29997], ['b', 29998], ['c', 29999]], merged: 29997, rest: 0 });
}

/** A page that is not shown has no frames: what it holds is each instrument's newest, and it misses nothing. */
async function hidden(page, figure) {
  await page.evaluate(() => {
    window.shown = window.requestAnimationFrame;
    window.requestAnimationFrame = (draw) => { window.held = draw; };
  });
  await until(() => page.evaluate(() => Boolean(window.held)), 'a frame that is held back');
  const [ticks, batches, merged] = [await figure('ticks'), await figure('batches'), await figure('merged')];
  await new Promise((go) => setTimeout(go, 1200));
  assert.strictEqual(await figure('batches'), batches);
  const after = await page.evaluate(() => {
    window.requestAnimationFrame = window.shown;
    window.held();
    const of = (id) => Number(document.getElementById(id).textContent);
    return { ticks: of('ticks'), batches: of('batches'), merged: of('merged') };
  });
  assert.strictEqual(after.batches, batches + 1);
  const [more, gaveWay] = [after.ticks - ticks, after.merged - merged];
  assert.ok(more > rate / 2, `${more} ticks came meanwhile`);
  const instruments = await page.$$eval('#instruments tr', (rows) => rows.length);
  assert.ok(more - gaveWay <= instruments, `${more - gaveWay} were held for ${instruments} instruments`);
  assert.strictEqual(await figure('missed'), 0);
}

main(run([address, server], /^$/, async (page) => {
  await page.goto(`http://${address}/?server=${server}&stage=redis`);
  await parts(page);
  const figure = async (id) => Number(await page.textContent(`#${id}`));
  const state = (text) => until(async () => (await page.textContent('#state')).startsWith(text), text);

  await state(`reading redis of ${server}`);
  await until(async () => await figure('ticks') > 1.5 * rate, 'ticks come');
  assert.ok(await figure('batches') < await figure('ticks') / (rate / 100), 'many ticks a frame');
  assert.ok(await figure('merged') > 0);
  for (const none of ['missed', 'restarts', 'lost']) assert.strictEqual(await figure(none), 0, none);
  assert.strictEqual(await page.textContent('#gaps'), '');

  await hidden(page, figure);
  const dropped = Number(await have('drop'));
  await until(async () => await figure('missed') >= dropped, `all ${dropped} are missed`);
  assert.strictEqual(await figure('missed'), dropped);
  assert.strictEqual(await figure('lost'), 0);
  assert.match(await page.textContent('#gaps li'), /: \d+ of \d+ missed before #\d+$/);
  const each = await page.$$eval('#instruments tr', (rows) => rows.map((row) => Number(row.cells[3].textContent)));
  assert.strictEqual(each.reduce((a, b) => a + b), dropped);

  await assertTabOrder(page);
  await inEveryView(page, async (view) => {
    if (view.endsWith('laptop')) await assertAccessible(page);
    await shot(page, `consumer-${view}`);
  });

  page.removeAllListeners('console'); // from here on it may not connect
  await have('stop');
  await state('not connected');
  await have('start');
  await state(`reading redis of ${server}`);
  await until(async () => await figure('restarts') > 0, 'numbers that begin anew');
  assert.match(await page.textContent('#gaps'), /began anew at #\d+/);
}));
