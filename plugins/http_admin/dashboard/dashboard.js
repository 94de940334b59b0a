// The live view of one pipeline: a status document every half second, over a WebSocket.
import { forget, remember, showPanels } from './charts.js';
import * as controls from './controls.js';
import { ask, by, count, item, lines, openSocket, say, LEVELS } from './page.js';
import * as tap from './tap.js';

const STALE_MS = 3000;
const SILENT_S = 5; // a source
const RETRY_MS = [500, 1000, 2000, 5000];

let last = null;

/* --- the page ------------------------------------------------------------------------------ */

function linesOf(stage) {
  const made = [`${stage.kind}: ${stage.plugin}${stage.bypassed ? ', bypassed' : ''}${stage.stopped ? ', stopped' : ''}`];
  if (stage.kind !== 'service') made.push(`${count(stage.in_per_s)}/s in, ${count(stage.out_per_s)}/s out`);
  if (stage.kind === 'source' && stage.feed_age_s >= SILENT_S) made.push(`silent for ${count(stage.feed_age_s)} s`);
  if (stage.kind === 'sink') made.push(stage.level_cause || stage.level);
  if (stage.queue) made.push(`queue ${count(stage.queue.records)} of ${count(stage.queue.records_max)}`);
  return made;
}

function showStage(box, stage) {
  const level = stage.kind === 'sink' ? LEVELS.indexOf(stage.level)
    : Math.max(0, ...stage.signals.map((each) => LEVELS.indexOf(each.level)));
  box.dataset.level = stage.stopped ? 3 : level;
  const said = linesOf(stage);
  lines(box.querySelector('div'), 'span', said);
  const fill = box.querySelector('progress');
  fill.hidden = !stage.queue;
  if (!stage.queue) return;
  fill.max = stage.queue.records_max;
  fill.value = stage.queue.records;
  fill.setAttribute('aria-label', said[said.length - 1]);
}

function showStages(status) {
  const list = by('stages');
  const names = status.stages.map((each) => each.name);
  if (names.join() !== [...list.children].map((box) => box.dataset.stage).join()) {
    list.replaceChildren();
    for (const name of names) {
      const box = item(list, 'li', undefined, { 'data-stage': name });
      item(box, 'b', name);
      item(box, 'div');
      item(box, 'progress');
    }
    tap.offerStages(status.stages);
    controls.offerStages(status.stages);
  }
  status.stages.forEach((stage, i) => showStage(list.children[i], stage));
}

function showLedger(status) {
  const { total } = status;
  const went = [['published', total.published], ['absorbed', total.absorbed],
    ...Object.entries(total.dropped).map(([reason, n]) => [`dropped: ${reason}`, n]),
    ['failed', total.failed], ['unknown', total.unknown], ['held', status.held]]
    .filter(([name, n]) => n > 0 || name === 'published' || name === 'held');
  const body = by('ledger').tBodies[0];
  body.replaceChildren();
  went.forEach(([name, n], i) => {
    const row = item(body, 'tr');
    item(row, 'td', i === 0 ? 'created' : '');
    item(row, 'td', i === 0 ? count(total.created) : '');
    item(row, 'td', name);
    item(row, 'td', count(n));
  });
  say(by('balance'), status.imbalance === 0 ? 'It balances.' : `It is off by ${status.imbalance}.`);
  by('balance').dataset.level = status.imbalance === 0 ? 0 : 3;
}

let newest = 0;
function showEvents(status) {
  const list = by('events');
  for (const event of status.events) {
    if (event.number <= newest) continue;
    newest = event.number;
    const line = document.createElement('li');
    line.className = event.severity;
    item(line, 'time', event.time.slice(11, 19), { datetime: event.time });
    line.append(`${event.stage || 'sluice'} ${event.kind}: ${event.message}`);
    list.prepend(line);
  }
  while (list.childElementCount > 200) list.lastElementChild.remove();
}

function show(status) {
  if (last && (status.uptime_s < last.uptime_s || status.pipeline !== last.pipeline)) { // another process
    forget();
    newest = 0;
    by('events').replaceChildren();
  }
  last = status;
  remember(status);
  by('pipeline').textContent = status.pipeline;
  document.title = `${status.level} - ${status.pipeline} - Sluice`;
  say(by('level'), status.level);
  by('level').dataset.level = LEVELS.indexOf(status.level);
  by('cause').textContent = status.level_cause;
  showStages(status);
  showPanels(status);
  showLedger(status);
  showEvents(status);
}

/* --- the connection ------------------------------------------------------------------------ */

let heard = 0;
let attempts = 0;

function connection(text, stale) {
  say(by('connection'), text);
  by('connection').className = stale ? 'stale' : '';
  document.body.classList.toggle('stale', stale);
}

/** A page does not learn why a WebSocket was refused, but by asking for something else. */
async function why() {
  try {
    await ask('/api/v1/pipeline');
  } catch (problem) {
    if (!(problem instanceof TypeError)) return problem.message; // fetch's own: no connection
  }
  return 'not connected';
}

let socket = null;
let retry = 0;
function connect() {
  clearTimeout(retry);
  const opened = openSocket('/api/v1/live');
  socket = opened;
  opened.onmessage = (event) => {
    attempts = 0;
    heard = Date.now();
    connection('live', false);
    by('silent').textContent = '';
    show(JSON.parse(event.data));
  };
  opened.onclose = async () => {
    const reason = await why();
    if (socket !== opened) return;
    connection(`stale: ${reason}, trying again`, true);
    retry = setTimeout(connect, RETRY_MS[Math.min(attempts++, RETRY_MS.length - 1)]);
  };
}

/** With a token that was just given a page on another machine may read. */
by('token').addEventListener('change', () => {
  if (document.body.classList.contains('stale')) connect();
});

setInterval(() => {
  const silent = Date.now() - heard;
  if (heard === 0 || silent <= STALE_MS) return;
  by('silent').textContent = `last heard ${Math.round(silent / 1000)} s ago`;
  if (by('connection').textContent === 'live') connection('stale: nothing is heard', true);
}, 1000);

connect();
