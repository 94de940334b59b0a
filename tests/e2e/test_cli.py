"""The commands and their exit codes."""

import json
import os
import re
import subprocess
import tomllib

from harness import SOURCE, Case, main
from process import wait_until

OK, FAILURE, USAGE, UNAVAILABLE, BAD_CONFIGURATION = 0, 1, 64, 69, 78
PIPELINES = f"{SOURCE}/pipelines"
BAD_PIPELINES = f"{SOURCE}/tests/config/bad"
# Those of them whose mistakes are the host's to find. What is said of the others' plugins is for
# the fakes that core/config/bad_pipelines_test.cpp has.
BAD_FOR_ANY_PLUGIN = ("empty", "only_a_service", "single_brackets", "syntax", "syntax_duplicate_key",
                      "syntax_endless_key", "syntax_header", "syntax_nesting", "too_many_stages")
# What the shipped pipelines ask of the environment.
SHIPPED = {"KITE_API_KEY": "key", "KITE_ACCESS_TOKEN": "token", "STREAM": "orders"}

# Validates standard input, {"schema": ..., "documents": {name: ...}}; one line an error.
VALIDATE = """
import json, sys
import jsonschema
given = json.load(sys.stdin)
validator = jsonschema.validators.validator_for(given["schema"])
validator.check_schema(given["schema"])
for name, document in given["documents"].items():
    for error in validator(given["schema"]).iter_errors(document):
        print(f"{name}: {error.json_path}: {error.message}")
"""


def python_with_jsonschema():
    for python in ("python3", "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import jsonschema"], capture_output=True,
                          check=False).returncode == 0:
            return python
    raise AssertionError("no python3 here has jsonschema: run packaging/install-deps --tests")


def shipped_pipelines():
    return sorted(os.path.join(PIPELINES, name) for name in os.listdir(PIPELINES)
                  if name.endswith(".toml"))


class ExitCodes(Case):
    def test_usage(self):
        for arguments in (["frobnicate"], ["run"], ["check", "--no-such-flag", "x.toml"],
                          ["plugins", "--format", "yaml"]):
            with self.subTest(arguments):
                answer = self.cli(*arguments)
                self.assertEqual(answer.returncode, USAGE, answer.stderr)
                self.assertTrue(answer.stderr.strip())

    def test_bad_configuration(self):
        bad = self.write("bad.toml", '[pipeline]\nname = "bad"\n\n[[stage]]\nplugin = "nul"\n')
        for command in ("run", "check"):
            with self.subTest(command):
                answer = self.cli(command, bad)
                self.assertEqual(answer.returncode, BAD_CONFIGURATION, answer.stdout)
                self.assertRegex(answer.stdout + answer.stderr, r"bad\.toml:\d+:\d+: ")

    def test_unavailable(self):
        answer = self.cli("status", "nobody")
        self.assertEqual(answer.returncode, UNAVAILABLE)
        self.assertIn("nobody", answer.stderr)

    def test_help_and_version(self):
        self.assertEqual(self.cli("--help").returncode, OK)
        self.assertRegex(self.cli("version").stdout, r"\d+\.\d+\.\d+")
        self.assertIn("abi", json.loads(self.cli("version", "--format", "json").stdout))


class Check(Case):
    def test_shipped_pipelines_are_good(self):
        for file in shipped_pipelines():
            with self.subTest(file):
                answer = self.cli("check", file, environment=SHIPPED)
                self.assertEqual(answer.returncode, OK, answer.stdout + answer.stderr)

    def test_the_readme_s_pipeline_is_good(self):
        with open(f"{SOURCE}/README.md", encoding="utf-8") as readme:
            shown = re.findall(r"(?m)^```toml\n((?:.*\n)*?)```$", readme.read())
        self.assertEqual(len(shown), 1)
        answer = self.cli("check", self.write("readme.toml", shown[0]), environment=SHIPPED)
        self.assertEqual(answer.returncode, OK, answer.stderr)

    def test_a_folder_of_bad_ones(self):
        answer = self.cli("check", BAD_PIPELINES)
        self.assertEqual(answer.returncode, BAD_CONFIGURATION)
        said = answer.stderr.replace(f"{BAD_PIPELINES}/", "").splitlines()
        for name in sorted(os.listdir(BAD_PIPELINES)):
            if not name.endswith(".toml"):
                continue
            with self.subTest(name):
                of_it = [line for line in said if line.startswith(f"{name}:")]
                self.assertTrue(of_it)
                if name.removesuffix(".toml") in BAD_FOR_ANY_PLUGIN:
                    with open(f"{BAD_PIPELINES}/{name[:-5]}.expected", encoding="utf-8") as golden:
                        self.assertEqual(of_it, golden.read().splitlines())
        report = json.loads(self.cli("check", "--format", "json", BAD_PIPELINES).stdout)
        self.assertEqual({each["file"]: each["ok"] for each in report},
                         {f"{BAD_PIPELINES}/{name}": False for name in os.listdir(BAD_PIPELINES)
                          if name.endswith(".toml")})

    def test_all_errors_at_once(self):
        file = self.write("many.toml", """
[pipeline]
name = "many"
nmae = "typing error"

[[stage]]
plugin = "kite_source"
api_key = "k"
access_token = "t"
tokens = ["408065"]
mode = "fulll"

[[stage]]
plugin = "redis_sink"
urll = "redis://127.0.0.1"
from = ["nowhere"]
""")
        answer = self.cli("check", file)
        text = answer.stdout + answer.stderr
        self.assertEqual(answer.returncode, BAD_CONFIGURATION)
        for line, word in ((4, "nmae"), (11, "fulll"), (15, "urll"), (16, "nowhere")):
            self.assertRegex(text, rf"many\.toml:{line}:\d+: .*{word}")
        self.assertRegex(text, r"\bname\b")
        self.assertRegex(text, r"\burl\b")

    def test_secrets_are_not_shown(self):
        file = self.write("secret.toml", """
[pipeline]
name = "secret"

[[stage]]
plugin = "kite_source"
api_key = "hunter1"
access_token = "hunter2"
tokens = ["408065"]
mode = "wrong"

[[stage]]
plugin = "redis_sink"
url = "redis://user:hunter3@127.0.0.1:notaport"
""")
        answer = self.cli("check", file)
        self.assertEqual(answer.returncode, BAD_CONFIGURATION)
        self.assertNotRegex(answer.stdout + answer.stderr, "hunter[23]")


class Listings(Case):
    def test_plugins(self):
        answer = self.cli("plugins", "--format", "json")
        self.assertEqual(answer.returncode, OK, answer.stderr)
        for name in ("kite_source", "redis_sink", "kite_server", "market_simulator", "recorder",
                     "console", "null"):
            self.assertIn(f'"{name}"', answer.stdout)

    def test_inspect(self):
        answer = self.cli("inspect", "kite_source")
        self.assertEqual(answer.returncode, OK, answer.stderr)
        for key in ("api_key", "access_token", "instruments", "mode"):
            self.assertIn(key, answer.stdout)
        machine = json.loads(self.cli("inspect", "kite_source", "--format", "json").stdout)
        self.assertEqual(machine["name"], "kite_source")
        self.assertNotEqual(self.cli("inspect", "no_such_plugin").returncode, OK)

    def test_graph(self):
        answer = self.cli("graph", f"{PIPELINES}/ticker.toml", environment=SHIPPED)
        self.assertEqual(answer.returncode, OK, answer.stderr)
        self.assertRegex(answer.stdout, r"(?s)kite_source.*redis")
        machine = json.loads(self.cli("graph", f"{PIPELINES}/ticker.toml", "--format", "json",
                                      environment=SHIPPED).stdout)
        wiring = {stage["name"]: [each["from"] for each in stage["inputs"]]
                  for stage in machine["stages"]}
        self.assertEqual(wiring["redis"], ["circuit_breaker"])
        self.assertEqual(wiring["kite_source"], [])

    def test_docs(self):
        answer = self.cli("docs", "redis_sink")
        self.assertEqual(answer.returncode, OK, answer.stderr)
        self.assertIn("channel", answer.stdout)

    def test_completion(self):
        answer = self.cli("completion", "bash")
        self.assertEqual(answer.returncode, OK, answer.stderr)
        check = subprocess.run(["bash", "-n"], input=answer.stdout, text=True, check=False)
        self.assertEqual(check.returncode, 0)

    def test_status(self):
        file = self.write("idle.toml", """
[pipeline]
name = "idle"

[[stage]]
plugin = "market_simulator"

[[stage]]
plugin = "null"
""")
        service = self.sluice(file, "idle")
        text = self.cli("status", "idle")
        self.assertEqual(text.returncode, OK, text.stderr)
        for word in ("idle", "HEALTHY", "market_simulator", "null"):
            self.assertIn(word.lower(), text.stdout.lower())
        self.assert_balanced(service)
        again = self.cli("run", file)
        self.assertNotIn(again.returncode, (OK, USAGE), "a second of the same name is refused")
        self.assert_ends_well(service)
        wait_until(lambda: self.cli("status", "idle").returncode == UNAVAILABLE, 5, "it is gone")


class Schema(Case):
    """`sluice schema`, judged by another project's validator."""

    def errors(self, documents):
        schema = json.loads(self.cli("schema").stdout)
        answer = subprocess.run([python_with_jsonschema(), "-c", VALIDATE], text=True,
                                input=json.dumps({"schema": schema, "documents": documents},
                                                 default=str),
                                capture_output=True, check=False)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return answer.stdout.splitlines()

    def test_shipped_pipelines_satisfy_it(self):
        documents = {}
        for path in shipped_pipelines():
            with open(path, "rb") as file:
                documents[os.path.basename(path)] = tomllib.load(file)
        self.assertGreaterEqual(len(documents), 2)
        self.assertEqual(self.errors(documents), [])

    def test_bad_ones_do_not(self):
        good = {"pipeline": {"name": "x"},
                "stage": [{"plugin": "market_simulator"}, {"plugin": "null"}]}
        self.assertEqual(self.errors({"good": good}), [])
        for name, bad in {
                "unknown key": good | {"stage": [{"plugin": "market_simulator", "sede": 1}]},
                "unknown table": good | {"stages": []},
                "wrong kind": good | {"pipeline": {"name": 7}},
        }.items():
            with self.subTest(name):
                self.assertNotEqual(self.errors({name: bad}), [])


if __name__ == "__main__":
    main()
