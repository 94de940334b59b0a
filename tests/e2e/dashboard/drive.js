// drive.js ADDRESS TOKEN: the dashboard in headless Chromium, through its states. Prints "stop" when
// the pipeline is to end, "start" when it is to run again; a line of input says that it is done.
'use strict';

const assert = require('node:assert');
const readline = require('node:readline');
const { chromium } = require('playwright-core');

const [address, token] = process.argv.slice(2);
const input = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function have(word) {
  console.log(word);
  await input.next();
}

async function main() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--no-proxy-server'],
  });
  const page = await browser.newPage();
  const elsewhere = [];
  const problems = [];
  page.on('request', (asked) => {
    if (new URL(asked.url()).host !== address && !asked.url().startsWith('data:')) elsewhere.push(asked.url());
  });
  page.on('pageerror', (problem) => problems.push(problem.message));
  page.on('console', (line) => {
    // The command without a token is refused on purpose.
    if (line.type() === 'error' && !/status of 401/.test(line.text())) problems.push(line.text());
  });

  const answer = await page.goto(`http://${address}/`);
  assert.match(answer.headers()['content-security-policy'], /^default-src 'none'/);
  // By locators: what evaluates strings in the page is stopped by its policy.
  const says = (id, pattern) => page.locator(`#${id}`).filter({ hasText: new RegExp(pattern) })
    .waitFor({ timeout: 30000 });
  const tell = async (what) => {
    await page.selectOption('#command', what);
    await page.click('#controls button');
    await says('told', '^taken as operation');
  };

  await says('connection', '^live$');
  await says('level', '^HEALTHY$');
  await says('balance', '^It balances');
  await says('stages', 'queue .* of 10,000');
  await says('breakers', 'CLOSED');
  const heat = await page.$eval('#p-latency canvas', (canvas) => canvas.getAttribute('aria-label'));
  assert.match(heat, /p50 .* ms, p95 .* ms, p99/);

  await page.selectOption('#command', 'level OVERLOAD');
  await page.click('#controls button');
  await says('told', 'a bearer token is needed|is wrong');
  await page.fill('#token', token);
  await tell('level OVERLOAD');
  await says('level', '^OVERLOAD: told so by an operator');
  await says('reasons', 'sampled');
  await tell('level automatic');
  await tell('breaker open');
  await says('breakers', 'FORCED_OPEN');
  await says('level', '^CRITICAL');
  await says('reasons', 'circuit_open');
  await tell('breaker automatic');
  await says('breakers', 'CLOSED');
  await says('events', 'breaker: every breaker: told automatic');
  await says('level', '^HEALTHY$');

  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 800 });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `${width} px`);
    }
  }
  for (let i = 0; i < 3; ++i) await page.keyboard.press('Tab');
  assert.notStrictEqual(await page.evaluate(() => document.activeElement.tagName), 'BODY');
  assert.deepStrictEqual(problems, []);

  await have('stop');
  await says('connection', '^stale');
  await have('start');
  await says('connection', '^live$');
  await says('level', '^HEALTHY$');
  assert.deepStrictEqual(elsewhere, []);
  await browser.close();
  console.log('done');
  process.stdin.destroy();
}

main().catch((problem) => {
  console.error(problem);
  process.exit(1);
});
