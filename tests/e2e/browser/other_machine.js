// other_machine.js ADDRESS TOKEN: the dashboard from an address that is not the pipeline's machine.
'use strict';

const { main, run } = require('./chromium.js');

const [address, token] = process.argv.slice(2);

main(run([address], /status of 401|HTTP Authentication failed/, async (page) => {
  const says = (selector, pattern) => page.locator(selector)
    .filter({ hasText: new RegExp(pattern) }).first().waitFor({ timeout: 30000 });
  await page.goto(`http://${address}/`);
  await says('#connection', '^stale: a bearer token is needed, trying again$');
  await page.fill('#token', token);
  await page.keyboard.press('Tab');
  await says('#connection', '^live$');
  await says('#level', '^HEALTHY$');
  await page.click('#tap button >> nth=0');
  await says('#tap-state', '^watching market_simulator$');
  await says('#records', String.raw`^\d+ #\d+ `);
  await page.selectOption('#command', 'level OVERLOAD');
  await page.click('#force button');
  await says('#told', '^operation 1, level, done');
}));
