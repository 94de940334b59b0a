// What changes something: each is an operation of the server's, followed to its end.
import { ask, by, choices, count, item, lines, ms, say } from './page.js';

const LOOK_MS = 200;

export function offerStages(stages) {
  choices(by('change-stage'), stages.map((each) => each.name));
}

/** The operation's row when it has ended. */
async function ended(number) {
  const began = Date.now();
  for (;;) {
    const { operations } = await ask(`/api/v1/operations?after=${number - 1}`);
    const row = operations.find((each) => each.number === number);
    if (!row) throw new Error(`operation ${number} is forgotten`);
    if (row.state === 'done' || row.state === 'failed') return row;
    say(by('told'), `operation ${number}, ${row.do}: ${row.state} for ${Math.round((Date.now() - began) / 1000)} s`);
    await new Promise((go) => setTimeout(go, LOOK_MS));
  }
}

function figuresOf(stage) {
  const figures = [['carried', count(stage.carried)], ['lost', count(stage.lost)]];
  if (stage.released > 0) figures.push(['released', count(stage.released)]);
  if (stage.unknown > 0) figures.push(['unknown', count(stage.unknown)]);
  figures.push(['paused for', ms(stage.pause_s)]);
  if (stage.state) figures.push(['state handed over', stage.state]);
  if (!stage.proven) figures.push(['seen at work', 'not yet: no batch has come to it']);
  return figures;
}

function showReceipt(receipt) {
  const at = by('receipt');
  at.replaceChildren();
  if (!receipt) return;
  for (const stage of receipt.stages) {
    item(at, 'h3', `${stage.stage}: ${stage.change} ${stage.text}`);
    const list = item(at, 'dl');
    for (const [name, value] of stage.done ? figuresOf(stage) : stage.error ? [['refused', stage.error]] : []) {
      const pair = item(list, 'div');
      item(pair, 'dt', name);
      item(pair, 'dd', value);
    }
  }
  lines(item(at, 'ul'), 'li', receipt.pipeline.map((key) => `${key} changed`));
  if (receipt.trial_s === 0 || !receipt.done) return;
  item(at, 'p', `On trial for ${receipt.trial_s} s: put back then, unless it is kept.`);
  item(at, 'button', 'Keep it', { type: 'button' }).addEventListener('click', () => tell('confirm', {}));
}

async function tell(command, body) {
  try {
    const { operation } = await ask(`/api/v1/${command}`, body);
    const row = await ended(operation);
    showReceipt(row.receipt);
    say(by('told'), `operation ${operation}, ${command}, ${row.state}: ${row.receipt && row.state === 'done'
      ? row.receipt.dry_run ? 'nothing is changed; it would be so' : 'the receipt is below' : row.result}`);
  } catch (problem) {
    showReceipt(null);
    say(by('told'), `not done: ${problem.message}`);
  }
}

by('force').addEventListener('submit', (event) => {
  event.preventDefault();
  const [command, word] = by('command').value.split(' ');
  tell(command, command === 'level' ? { level: word } : { stage: '', state: word });
});

/** What the form says, without what was left as it is. */
function changeOf(form, command) {
  const body = {};
  for (const name of ['dry_run', 'allow_gap', 'lose_state'])
    if (form.elements[name].checked) body[name] = true;
  if (form.elements.trial.value) body.trial = form.elements.trial.value;
  if (command === 'reload') return body;
  body.stage = form.elements.stage.value;
  if (form.elements.plugin.value) body.plugin = form.elements.plugin.value;
  const set = form.elements.set.value.split('\n').map((line) => line.trim()).filter((line) => line);
  if (set.length > 0) body.set = set;
  return body;
}

by('change').addEventListener('submit', (event) => {
  event.preventDefault();
  const command = event.submitter.value;
  tell(command, changeOf(event.target, command));
});
