// kubernetes.mjs FILE...: each manifest against the Kubernetes API, as npm kubernetes-models carries it
// made from the API's own description: its validator (required members, formats, bounds), and its
// types, which know no member but the API's. Prints each mistake after the name of its file.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {parseAllDocuments} from 'yaml';
import {checker} from './strict.mjs';

const require = createRequire(import.meta.url);
const manifests = process.argv.slice(2).flatMap((file) =>
  parseAllDocuments(readFileSync(file, 'utf8')).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return {file, manifest: document.toJS()};
  }));
const module_of = ({apiVersion, kind}) => `kubernetes-models/${apiVersion}/${kind}`;

const kinds = new Map(manifests.map(({manifest}) => [manifest.kind, module_of(manifest)]));
const check = checker([...kinds].map(([kind, module]) =>
  `export type {I${kind}} from '${module}';`).join('\n'));

let mistakes = 0;
for (const {file, manifest} of manifests) {
  const where = `${file}: ${manifest.kind} ${manifest.metadata?.name}`;
  mistakes += check(`I${manifest.kind}`, manifest, where);
  try {
    new (require(module_of(manifest))[manifest.kind])(manifest).validate();
  } catch (error) {
    console.error(`${where}: ${error.message}`);
    ++mistakes;
  }
}
process.exit(mistakes === 0 ? 0 : 1);
