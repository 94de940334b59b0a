// dashboard.js ADDRESS TOKEN: the dashboard through its states. Asks for "stall" and "resume", a Redis that
// does not answer and then does; "stop", the end of the pipeline, and "start", its next beginning.
'use strict';

const assert = require('node:assert');
const { assertAccessible, assertTabOrder, have, inEveryView, main, run, shot } = require('./chromium.js');

const [address, token] = process.argv.slice(2);

// What it is told wrong on purpose: no token, no such stage.
const EXPECTED = /status of (401|400)/;

/** By locators: what evaluates strings in the page while it waits is stopped by its policy. */
const sayer = (page) => (selector, pattern) => page.locator(selector)
  .filter({ hasText: new RegExp(pattern) }).first().waitFor({ timeout: 30000 });

async function states(page, says) {
  const answer = await page.goto(`http://${address}/`);
  assert.match(answer.headers()['content-security-policy'], /^default-src 'none'/);
  await says('#connection', '^live$');
  await says('#level', '^HEALTHY$');
  await says('#balance', '^It balances');
  await says('#stages', 'queue .* of 10,000');
  await says('#breakers', 'CLOSED');
  const heat = await page.$eval('#p-latency canvas', (canvas) => canvas.getAttribute('aria-label'));
  assert.match(heat, /p50 .* ms, p95 .* ms, p99/);
}

/** Redis stands still: what is unanswered is OVERLOAD, the breaker opens, and all recovers. */
async function outage(page, says) {
  await have('stall');
  await says('#level', '^(CRITICAL|OVERLOAD)$');
  await shot(page, 'overload');
  await says('#events', 'to OVERLOAD: redis: latency of an unanswered call');
  await says('#breakers', ': OPEN$');
  await says('#cause', 'redis: its guard is not closed');
  await says('#reasons', 'circuit_open');
  await says('#stages', 'its guard is not closed');
  await have('resume');
  await says('#breakers', 'CLOSED');
  await says('#level', '^HEALTHY$');
  await says('#events', 'redis disconnected: .*no reply within');
  await says('#balance', '^It balances');
}

async function tap(page, says) {
  await page.selectOption('#tap-stage', 'redis');
  await page.click('#tap button >> nth=0');
  await says('#tap-state', '^watching redis$');
  await says('#records', String.raw`^\d+ #\d+ .*kite\.tick/1 \{"`);
  const key = (await page.textContent('#records li')).split(' ')[0];
  await page.selectOption('#tap-stage', 'adaptive_sampler');
  await page.fill('#tap [name=key]', key);
  await page.fill('#tap [name=every]', '');
  await page.press('#tap [name=key]', 'Enter');
  await says('#tap-state', '^watching adaptive_sampler$');
  await says('#records li >> nth=2', `^${key} #`);
  const numbers = await page.$$eval('#records li', (lines) => lines.map((line) => line.textContent.split(' #')));
  for (const [of] of numbers) assert.strictEqual(of, key);
  const seqs = numbers.map(([, rest]) => parseInt(rest, 10));
  assert.deepStrictEqual(seqs, seqs.map((_, i) => seqs[0] - i), 'each, the newest first');
}

async function forced(page, says) {
  const tell = async (what, said) => {
    await page.selectOption('#command', what);
    await page.click('#force button');
    await says('#told', said);
  };
  await tell('level OVERLOAD', '^not done: a bearer token is needed');
  await page.fill('#token', token);
  await tell('level OVERLOAD', '^operation 1, level, done: the level is OVERLOAD');
  await says('#level', '^OVERLOAD$');
  await says('#cause', '^told so by an operator');
  await says('#reasons', 'sampled');
  await tell('level automatic', '^operation 2, level, done');
  await tell('breaker open', '^operation 3, breaker, done: every breaker: told open');
  await says('#breakers', 'FORCED_OPEN');
  await says('#level', '^CRITICAL$');
  await says('#reasons', 'circuit_open');
  await tell('breaker automatic', '^operation 4, breaker, done');
  await says('#breakers', 'CLOSED');
  await says('#events', 'breaker: every breaker: told automatic');
  await says('#level', '^HEALTHY$');
}

async function changes(page, says) {
  await page.selectOption('#change-stage', 'adaptive_sampler');
  await page.fill('#change [name=plugin]', 'priority_sampler');
  await page.check('#change [name=dry_run]');
  await page.press('#change [name=plugin]', 'Enter');
  await says('#told', 'swap, done: nothing is changed; it would be so');
  await says('#receipt h3', '^adaptive_sampler: swap');
  await page.uncheck('#change [name=dry_run]');
  await page.fill('#change [name=trial]', '60s');
  await page.press('#change [name=plugin]', 'Enter');
  await says('#told', 'swap, done: the receipt is below');
  await says('#receipt', 'lost ?0.*paused for.*On trial for 60 s');
  await says('#stages', 'transform: priority_sampler');
  await inEveryView(page, (view) => shot(page, `receipt-${view}`));
  await page.click('#receipt button');
  await says('#told', 'confirm, done: what was on trial stays');
  // The tap has followed it.
  await says('#tap-state', '^watching adaptive_sampler$');

  await page.fill('#change [name=trial]', '');
  await page.fill('#change [name=plugin]', 'priority_sampler');
  await page.fill('#change [name=set]', 'colour=red\n');
  await page.click('#change button >> nth=0');
  await says('#told', 'swap, failed: .*colour');
  assert.strictEqual(await page.textContent('#receipt'), '');
  await page.click('#change button >> nth=1');
  await says('#told', 'reload, done: the receipt is below');
  await says('#stages', 'transform: adaptive_sampler');
  await page.click('#tap-stop');
  await says('#tap-state', '^stopped$');
}

async function reading(page) {
  await page.press('.skip', 'Enter');
  assert.strictEqual(await page.evaluate(() => document.activeElement.id), 'main');
  await assertTabOrder(page);
  assert.strictEqual(await page.getByRole('status').count(), 4);
  await inEveryView(page, async (view) => {
    if (view.endsWith('laptop')) await assertAccessible(page);
    await shot(page, view);
  });
}

main(run([address], EXPECTED, async (page) => {
  const says = sayer(page);
  await states(page, says);
  await outage(page, says);
  await tap(page, says);
  await forced(page, says);
  await changes(page, says);
  await reading(page);
  page.removeAllListeners('console'); // from here on it may not connect
  await have('stop');
  await says('#connection', '^stale: not connected, trying again$');
  await have('start');
  await says('#connection', '^live$');
  await says('#level', '^HEALTHY$');
}));
