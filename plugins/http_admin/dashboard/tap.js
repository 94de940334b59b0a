// Watches the records of one stage: the tap, over a WebSocket of its own.
import { ask, by, choices, count, openSocket, say } from './page.js';

const SHOWN = 50; // records
const RETRY_MS = 2000;

let watched = null; // {path, stage} while it is wanted
let socket = null;
let retry = 0;

/** The stages that records pass. */
export function offerStages(stages) {
  choices(by('tap-stage'), stages.filter((each) => each.kind !== 'service').map((each) => each.name));
}

function pathOf(form) {
  const query = [...new FormData(form)].filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `/api/v1/tap?${query.join('&')}`;
}

function lineOf(record) {
  const said = [`${record.key} #${record.seq}`];
  if (record.priority !== 1) said.push(`priority ${record.priority}`);
  if (record.weight !== 1) said.push(`weight ${record.weight}`);
  said.push(record.schema, record.record ? JSON.stringify(record.record) : `${record.bytes} bytes`);
  return said.join(' ');
}

function show(seen) {
  const list = by('records');
  for (const record of seen.records.slice(-SHOWN)) {
    const line = document.createElement('li');
    line.textContent = lineOf(record);
    list.prepend(line);
  }
  while (list.childElementCount > SHOWN) list.lastElementChild.remove();
  by('tap-counts').textContent = `${count(seen.wanted)} came, ${count(seen.lost)} more than could be carried`;
}

/** Asks first: a page does not learn why a WebSocket was refused. */
async function open(wanted) {
  try {
    const seen = await ask(wanted.path);
    if (watched !== wanted) return;
    show(seen);
  } catch (problem) {
    if (watched === wanted) again(wanted, problem.message);
    return;
  }
  socket = openSocket(wanted.path);
  socket.onopen = () => { if (watched === wanted) say(by('tap-state'), `watching ${wanted.stage}`); };
  socket.onmessage = (event) => { if (watched === wanted) show(JSON.parse(event.data)); };
  socket.onclose = () => { if (watched === wanted) again(wanted, 'the connection ended'); };
}

function again(wanted, why) {
  say(by('tap-state'), `${why}; trying again`);
  retry = setTimeout(() => open(wanted), RETRY_MS);
}

function stop() {
  watched = null;
  clearTimeout(retry);
  if (socket) socket.close();
  socket = null;
}

by('tap').addEventListener('submit', (event) => {
  event.preventDefault();
  stop();
  by('records').replaceChildren();
  watched = { path: pathOf(event.target), stage: by('tap-stage').value };
  open(watched);
});

by('tap-stop').addEventListener('click', () => {
  stop();
  say(by('tap-state'), 'stopped');
});
