// Headless Chromium for the scripts beside it, and their talk with the test that runs them: a word on
// standard output asks for something, a line of input says that it is done.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const readline = require('node:readline');
const { chromium } = require('playwright-core');

const input = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

async function have(word) {
  console.log(word);
  return (await input.next()).value;
}

/** Runs `drive` with a page that may ask `addresses` alone, and nobody else. Console errors that match
 * `expected` are no problem. */
async function run(addresses, expected, drive) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--no-proxy-server'],
  });
  const page = await browser.newPage();
  const elsewhere = [];
  const problems = [];
  const note = (url) => {
    const { host, protocol } = new URL(url);
    if (!addresses.includes(host) && protocol !== 'data:') elsewhere.push(url);
  };
  page.on('request', (asked) => note(asked.url()));
  page.on('websocket', (asked) => note(asked.url()));
  page.on('pageerror', (problem) => problems.push(problem.message));
  page.on('console', (line) => {
    if (line.type() === 'error' && !expected.test(line.text())) problems.push(line.text());
  });
  await drive(page);
  assert.deepStrictEqual(problems, []);
  assert.deepStrictEqual(elsewhere, []);
  await browser.close();
  console.log('done');
  process.stdin.destroy();
}

/** What axe-core finds against WCAG's rules; a page's policy does not hold for what is evaluated so. */
async function assertAccessible(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
  assert.deepStrictEqual(violations.map(({ id, nodes }) =>
    `${id}: ${nodes.map((node) => `${node.target}: ${node.failureSummary}`).join('; ')}`), []);
}

const names = (found) => found.map((e) => e.id || e.name || `${e.tagName} ${e.textContent}`);
const outlines = (found) => found.map((e) => getComputedStyle(e).outlineStyle);

/** Tab comes to everything that can be used, in the order in which it stands, and shows where it is. */
async function assertTabOrder(page) {
  const usable = page.locator('a[href], button, input, select, textarea, [tabindex="0"]');
  const all = await usable.evaluateAll(names);
  await usable.first().focus();
  const reached = [];
  for (let i = 0; i < all.length; ++i) {
    const focused = page.locator(':focus');
    reached.push(...await focused.evaluateAll(names));
    assert.notDeepStrictEqual(await focused.evaluateAll(outlines), ['none'], `${reached[i]} does not show its focus`);
    await page.keyboard.press('Tab');
  }
  assert.deepStrictEqual(reached, all);
}

/** For people to look at, where SLUICE_SCREENSHOTS names a folder. */
async function shot(page, name) {
  const folder = process.env.SLUICE_SCREENSHOTS;
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}

/** The first answer of `look` that is true, asked over and over. */
async function until(look, what) {
  const end = Date.now() + 30000;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    assert.ok(Date.now() < end, `not in time: ${what}`);
    await new Promise((go) => setTimeout(go, 50));
  }
}

/** In both themes and on a laptop and a phone: nothing is wider than the window. */
async function inEveryView(page, look) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const [device, width] of [['laptop', 1280], ['phone', 360]]) {
      await page.setViewportSize({ width, height: 800 });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `${width} px`);
      await look(`${colorScheme}-${device}`);
    }
  }
}

function main(driven) {
  driven.catch((problem) => {
    console.error(problem);
    process.exit(1);
  });
}

module.exports = { assertAccessible, assertTabOrder, have, inEveryView, main, run, shot, until };
