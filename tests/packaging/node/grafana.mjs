// grafana.mjs DASHBOARD.json...: against Grafana's own types (npm @grafana/schema): the dashboard, and
// the options of each panel. Prints each mistake after the name of its file.
import {readFileSync} from 'node:fs';
import {checker} from './strict.mjs';

const published = '../node_modules/@grafana/schema/dist/types/raw/composable';
const kinds = ['gauge', 'heatmap', 'stat', 'timeseries'];
const check = checker([
  "export type {Dashboard} from '@grafana/schema';",
  ...kinds.map((kind) =>
    `import type {Options as ${kind}} from '${published}/${kind}/panelcfg/x/types.gen';
     export interface ${kind}_options extends Partial<${kind}> {}`),
].join('\n'));

let mistakes = 0;
for (const file of process.argv.slice(2)) {
  const dashboard = JSON.parse(readFileSync(file));
  mistakes += check('Dashboard', dashboard, `${file}: `);
  for (const panel of dashboard.panels) {
    if (!kinds.includes(panel.type)) throw new Error(`${panel.title}: no types for '${panel.type}'`);
    mistakes += check(`${panel.type}_options`, panel.options, `${file}: ${panel.title}: options`);
  }
}
process.exit(mistakes === 0 ? 0 : 1);
