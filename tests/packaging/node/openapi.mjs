// openapi.mjs FILE...: each against OpenAPI's own JSON Schema, by npm @seriousme/openapi-schema-validator.
// Prints each mistake after the name of its file.
import {readFileSync} from 'node:fs';
import {Validator} from '@seriousme/openapi-schema-validator';

let mistakes = 0;
for (const file of process.argv.slice(2)) {
  const {valid, errors} = await new Validator().validate(JSON.parse(readFileSync(file)));
  if (valid) continue;
  for (const error of [errors].flat())
    console.error(`${file}: ${error.instancePath ?? ''} ${error.message ?? error}`);
  ++mistakes;
}
process.exit(mistakes === 0 ? 0 : 1);
