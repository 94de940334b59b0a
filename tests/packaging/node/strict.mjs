// Checks a document against a TypeScript type of a published package: every member must be one of the
// type's, and of its kind.
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import Ajv from 'ajv';
import {createGenerator} from 'ts-json-schema-generator';

// `declarations` is TypeScript that exports the types; it may import what this folder's packages have.
// Returns check(type, value, where), which prints each mistake and returns how many there are.
export function checker(declarations) {
  const folder = mkdtempSync('types-');
  try {
    writeFileSync(`${folder}/types.ts`, declarations);
    writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({
      compilerOptions: {module: 'esnext', moduleResolution: 'bundler', target: 'es2022', types: []},
      files: ['types.ts'],
    }));
    const generator = createGenerator({
      path: `${folder}/types.ts`, tsconfig: `${folder}/tsconfig.json`, skipTypeCheck: true,
      expose: 'none', additionalProperties: false,
    });
    const ajv = new Ajv({strict: false, allErrors: true});
    return (type, value, where) => {
      const valid = ajv.compile(generator.createSchema(type));
      if (valid(value)) return 0;
      for (const error of valid.errors)
        console.error(`${where}${error.instancePath}: ${error.message} ${JSON.stringify(error.params)}`);
      return valid.errors.length;
    };
  } finally {
    rmSync(folder, {recursive: true});
  }
}
