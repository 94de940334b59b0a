// The six panels: what was seen in the last two minutes, drawn on canvases that say it in words, too.
import { by, count, lines as texts, ms, LEVELS } from './page.js';

const BREAKER = ['CLOSED', 'OPEN', 'HALF_OPEN', 'DISABLED', 'FORCED_OPEN', 'METRICS_ONLY'];
const KEPT = 240; // samples, one each half second

const history = [];
let last = null;

export function forget() {
  history.length = 0;
  last = null;
}

const stagesOf = (status, kind) => status.stages.filter((each) => each.kind === kind);
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

/** Counts of single buckets since the start, over all sinks. */
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

export function remember(status) {
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

/** What the height stands for, at its top and bottom. */
function scale({ pen, height }, top, bottom) {
  pen.globalAlpha = 1;
  pen.fillStyle = color('--soft');
  pen.font = '11px system-ui, sans-serif';
  pen.fillText(top, 0, 10);
  pen.fillText(bottom, 0, height - 3);
}

function lines(panel, label, series, most) {
  const on = canvasOf(panel, label);
  const { pen, width, height } = on;
  const top = Math.max(most || 1, ...series.flatMap(({ values }) => values));
  scale(on, count(top), '0');
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
function heatmap(panel, label, bounds) {
  const on = canvasOf(panel, label);
  const { pen, width, height } = on;
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
  if (bounds.length) scale(on, `over ${ms(bounds[bounds.length - 1])}`, `up to ${ms(bounds[0])}`);
}

function showBreakers(status) {
  const guards = stagesOf(status, 'guard');
  const stateOf = (guard) => (guard.bypassed ? 'bypassed' : BREAKER[guard.metrics.state] || 'unknown');
  texts(by('breakers'), 'li', guards.length
    ? guards.map((guard) => `${guard.name}: ${stateOf(guard)}`) : ['none']);
  guards.forEach((guard, i) => {
    const state = stateOf(guard);
    by('breakers').children[i].dataset.level = state === 'CLOSED' ? 0 : state === 'HALF_OPEN' ? 1 : 3;
  });
}

export function showPanels(status) {
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
    : 'no sink', worst ? worst.ages.buckets.map((bucket) => bucket.le_s).filter((bound) => bound) : []);
  lines('p-pending', `${count(status.pending)} now`, [{ values: of('pending'), ink: '--a', filled: true }]);
  const sum = (rates) => Object.values(rates).reduce((a, b) => a + b, 0);
  lines('p-drops', `${count(sum(history[history.length - 1].drops))}/s now`,
    [{ values: history.map((each) => sum(each.drops)), ink: '--l3', filled: true }]);
  texts(by('reasons'), 'li', Object.entries(status.total.dropped)
    .filter(([, n]) => n > 0).map(([reason, n]) => `${reason} ${count(n)}`));
  showBreakers(status);
}
