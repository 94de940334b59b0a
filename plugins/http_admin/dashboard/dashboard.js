// The live view of one pipeline: a status document every half second, over a WebSocket.
'use strict';

const LEVELS = ['HEALTHY', 'WARNING', 'CRITICAL', 'OVERLOAD'];
const BREAKER = ['CLOSED', 'OPEN', 'HALF_OPEN', 'DISABLED', 'FORCED_OPEN', 'METRICS_ONLY'];
const KEPT = 240; // samples in a chart: two minutes
const STALE_MS = 3000;
const RETRY_MS = [500, 1000, 2000, 5000];

const by = (id) => document.getElementById(id);
const grouped = new Intl.NumberFormat('en');
const count = (n) => grouped.format(Math.round(n));
const ms = (s) => `${(1000 * s).toFixed(s < 0.01 ? 2 : 0)} ms`;
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

/** Text only: nothing that the server sends is ever markup. */
function item(parent, tag, text, attributes = {}) {
  const made = parent.appendChild(document.createElement(tag));
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/* --- what was seen ------------------------------------------------------------------------- */

const history = [];
let last = null;

const stagesOf = (status, kind) => status.stages.filter((each) => each.kind === kind);

/** Counts of single buckets since the sample before, over all sinks. */
function bucketsOf(status) {
  const sums = [];
  for (const sink of stagesOf(status, 'sink')) {
    let below = 0;
    sink.ages.buckets.forEach((bucket, i) => {
      sums[i] = (sums[i] || 0) + bucket.count - below;
      below = bucket.count;
    });
  }
  return sums;
}

function remember(status) {
  const buckets = bucketsOf(status);
  const dropped = status.total.dropped;
  const seconds = last ? Math.max((Date.parse(status.time) - Date.parse(last.time)) / 1000, 0.05) : 1;
  const rates = {};
  for (const reason of Object.keys(dropped))
    rates[reason] = last ? Math.max((dropped[reason] - last.total.dropped[reason]) / seconds, 0) : 0;
  const before = last ? bucketsOf(last) : buckets;
  history.push({
    ingest: status.received_per_s, publish: status.published_per_s,
    level: LEVELS.indexOf(status.level), pending: status.pending, drops: rates,
    ages: buckets.map((n, i) => Math.max(n - (before[i] || 0), 0)),
  });
  if (history.length > KEPT) history.shift();
  last = status;
}

/* --- charts -------------------------------------------------------------------------------- */

function canvasOf(panel, label) {
  const canvas = by(panel).querySelector('canvas');
  canvas.setAttribute('aria-label', label);
  by(panel).querySelector('.value').textContent = label;
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== width * scale) canvas.width = width * scale;
  if (canvas.height !== height * scale) canvas.height = height * scale;
  const pen = canvas.getContext('2d');
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

function lines(panel, label, series, most) {
  const { pen, width, height } = canvasOf(panel, label);
  const top = Math.max(most || 0, ...series.flatMap(({ values }) => values), 1e-9);
  for (const { values, ink, filled } of series) {
    pen.beginPath();
    values.forEach((value, i) => {
      const x = width - (values.length - 1 - i) * (width / KEPT);
      pen.lineTo(x, height - 2 - (value / top) * (height - 6));
    });
    pen.strokeStyle = color(ink);
    pen.lineWidth = 1.5;
    pen.stroke();
    if (!filled || values.length < 2) continue;
    pen.lineTo(width, height);
    pen.lineTo(width - (values.length - 1) * (width / KEPT), height);
    pen.globalAlpha = 0.2;
    pen.fillStyle = color(ink);
    pen.fill();
    pen.globalAlpha = 1;
  }
}

/** A column a sample, a row a bucket of age, the slowest on top. */
function heatmap(panel, label) {
  const { pen, width, height } = canvasOf(panel, label);
  const rows = Math.max(...history.map((each) => each.ages.length), 1);
  const cell = width / KEPT;
  pen.fillStyle = color('--a');
  history.forEach((each, i) => {
    const all = each.ages.reduce((sum, n) => sum + n, 0);
    each.ages.forEach((n, row) => {
      if (n === 0) return;
      pen.globalAlpha = 0.15 + 0.85 * (n / all);
      pen.fillRect(width - (history.length - i) * cell, height - (row + 1) * (height / rows),
        cell, height / rows);
    });
  });
  pen.globalAlpha = 1;
}

/* --- the page ------------------------------------------------------------------------------ */

function showStages(status) {
  const list = by('stages');
  list.replaceChildren();
  for (const stage of status.stages) {
    const level = stage.kind === 'sink' ? LEVELS.indexOf(stage.level)
      : Math.max(0, ...stage.signals.map((each) => LEVELS.indexOf(each.level)));
    const box = item(list, 'li', undefined, { 'data-level': stage.stopped ? 3 : level });
    item(box, 'b', stage.name);
    item(box, 'span', `${stage.kind}: ${stage.plugin}${stage.bypassed ? ', bypassed' : ''}`);
    if (stage.kind !== 'service')
      item(box, 'span', `${count(stage.in_per_s)}/s in, ${count(stage.out_per_s)}/s out`);
    if (stage.kind === 'sink') item(box, 'span', stage.level_cause || stage.level);
    if (!stage.queue) continue;
    const text = `queue ${count(stage.queue.records)} of ${count(stage.queue.records_max)}`;
    item(box, 'span', text);
    item(box, 'progress', undefined,
      { max: stage.queue.records_max, value: stage.queue.records, 'aria-label': text });
  }
}

function showPanels(status) {
  const of = (key) => history.map((each) => each[key]);
  lines('p-rates',
    `${count(status.received_per_s)}/s in (blue), ${count(status.published_per_s)}/s published (violet)`,
    [{ values: of('ingest'), ink: '--a' }, { values: of('publish'), ink: '--b' }]);
  const level = LEVELS.indexOf(status.level);
  lines('p-level', `${level}: ${status.level}`, [{ values: of('level'), ink: `--l${level}`, filled: true }], 3);
  const sinks = stagesOf(status, 'sink');
  const worst = sinks.reduce((a, b) => (b.age.p99_s > a.age.p99_s ? b : a), sinks[0]);
  heatmap('p-latency', worst
    ? `p50 ${ms(worst.age.p50_s)}, p95 ${ms(worst.age.p95_s)}, p99 ${ms(worst.age.p99_s)}; publish p95 ${ms(worst.latency.p95_s)}`
    : 'no sink');
  lines('p-pending', `${count(status.pending)} now`, [{ values: of('pending'), ink: '--a', filled: true }]);
  const sum = (rates) => Object.values(rates).reduce((a, b) => a + b, 0);
  lines('p-drops', `${count(sum(history[history.length - 1].drops))}/s now`,
    [{ values: history.map((each) => sum(each.drops)), ink: '--l3', filled: true }]);
  const reasons = by('reasons');
  reasons.replaceChildren();
  for (const [reason, n] of Object.entries(status.total.dropped))
    if (n > 0) item(reasons, 'li', `${reason} ${count(n)}`);
  const breakers = by('breakers');
  breakers.replaceChildren();
  for (const guard of stagesOf(status, 'guard')) {
    const state = BREAKER[guard.metrics.state] || 'unknown';
    item(breakers, 'li', `${guard.name}: ${guard.bypassed ? 'bypassed' : state}`,
      { 'data-level': state === 'CLOSED' ? 0 : state === 'HALF_OPEN' ? 1 : 3 });
  }
  if (breakers.childElementCount === 0) item(breakers, 'li', 'none');
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
  by('balance').textContent = status.imbalance === 0 ? 'It balances.' : `It is off by ${status.imbalance}.`;
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
  if (last && last.config_hash + last.pipeline !== status.config_hash + status.pipeline) history.length = 0;
  if (last && status.uptime_s < last.uptime_s) { // another process
    history.length = 0;
    last = null;
    newest = 0;
    by('events').replaceChildren();
  }
  remember(status);
  by('pipeline').textContent = status.pipeline;
  document.title = `${status.level} - ${status.pipeline} - Sluice`;
  const text = status.level_cause ? `${status.level}: ${status.level_cause}` : status.level;
  if (by('level').textContent !== text) by('level').textContent = text;
  by('level').dataset.level = LEVELS.indexOf(status.level);
  showStages(status);
  showPanels(status);
  showLedger(status);
  showEvents(status);
}

/* --- the connection ------------------------------------------------------------------------ */

let heard = 0;
let attempts = 0;

function say(text, stale) {
  if (by('connection').textContent !== text) by('connection').textContent = text;
  by('connection').className = stale ? 'stale' : '';
  document.body.classList.toggle('stale', stale);
}

function connect() {
  const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/live`);
  socket.onmessage = (event) => {
    attempts = 0;
    heard = Date.now();
    say('live', false);
    show(JSON.parse(event.data));
  };
  socket.onclose = () => {
    say('stale: not connected, trying again', true);
    setTimeout(connect, RETRY_MS[Math.min(attempts++, RETRY_MS.length - 1)]);
  };
}

setInterval(() => {
  const silent = Date.now() - heard;
  if (heard > 0 && silent > STALE_MS && !by('connection').textContent.startsWith('stale: not'))
    say(`stale: nothing heard for ${Math.round(silent / 1000)} s`, true);
}, 1000);

by('controls').addEventListener('submit', async (event) => {
  event.preventDefault();
  const [command, word] = by('command').value.split(' ');
  const body = command === 'level' ? { level: word } : { stage: '', state: word };
  try {
    const answer = await fetch(`/api/v1/${command}`, {
      method: 'POST', body: JSON.stringify(body),
      headers: { Authorization: `Bearer ${by('token').value}`, 'Content-Type': 'application/json' },
    });
    const told = await answer.json();
    by('told').textContent = answer.ok ? `taken as operation ${told.operation}` : told.error;
  } catch (problem) {
    by('told').textContent = `not told: ${problem.message}`;
  }
});

connect();
