// Shows ticks as they come, one batch a frame, and says what it missed. Replace `show`.
import { Batches, Gaps } from './ticks.js';

const RETRY_MS = [500, 1000, 2000, 5000];
const GAPS_SHOWN = 50;

const asked = new URLSearchParams(location.search);
const server = asked.get('server') || '127.0.0.1:8080';
const stage = asked.get('stage') || 'redis';
const scheme = location.protocol === 'https:' ? 'wss' : 'ws';

const by = (id) => document.getElementById(id);
const gaps = new Gaps();
const batches = new Batches();
const figures = { ticks: 0, batches: 0, lost: 0 };
const rows = new Map(); // by instrument

/* --- what is shown, once a frame ------------------------------------------------------------ */

function rowOf(key) {
  if (!rows.has(key)) {
    const row = by('instruments').insertRow();
    for (let i = 0; i < 4; ++i) row.insertCell();
    row.cells[0].textContent = key;
    rows.set(key, { row, missed: 0 });
  }
  return rows.get(key);
}

/** Yours: what to do with the newest tick of each instrument that has one since the last frame. */
function show(newest) {
  for (const [key, tick] of newest) {
    const { row, missed } = rowOf(key);
    row.cells[1].textContent = tick.record ? tick.record.last_price : '';
    row.cells[2].textContent = tick.seq;
    row.cells[3].textContent = missed;
  }
}

let asks = false;
function frame() {
  asks = false;
  ++figures.batches;
  show(batches.take());
  for (const [name, value] of Object.entries({ ...figures, missed: gaps.missed,
    restarts: gaps.restarts, merged: batches.merged })) by(name).textContent = value;
}

/* --- what comes ----------------------------------------------------------------------------- */

function tell(text) {
  const line = document.createElement('li');
  line.textContent = `${new Date().toLocaleTimeString()}: ${text}`;
  by('gaps').prepend(line);
  while (by('gaps').childElementCount > GAPS_SHOWN) by('gaps').lastElementChild.remove();
}

function take(tick) {
  ++figures.ticks;
  const missed = gaps.see(tick.key, tick.seq);
  if (missed < 0) tell(`${tick.key} began anew at #${tick.seq}`);
  if (missed > 0) {
    rowOf(tick.key).missed += missed;
    tell(`${missed} of ${tick.key} missed before #${tick.seq}`);
  }
  batches.add(tick.key, tick);
}

let attempts = 0;
function connect() {
  const socket = new WebSocket(`${scheme}://${server}/api/v1/tap?stage=${encodeURIComponent(stage)}`);
  socket.onopen = () => { by('state').textContent = `reading ${stage} of ${server}`; };
  socket.onmessage = (event) => {
    attempts = 0;
    const seen = JSON.parse(event.data);
    figures.lost = seen.lost;
    seen.records.forEach(take);
    if (asks) return;
    asks = true;
    requestAnimationFrame(frame);
  };
  socket.onclose = () => {
    by('state').textContent = `not connected to ${server}, trying again`;
    setTimeout(connect, RETRY_MS[Math.min(attempts++, RETRY_MS.length - 1)]);
  };
}

connect();
