"""`sluice verify`: every plugin of ours passes, every fixture fails for its own fault, every case
fails on some fixture."""

import json
import os
import unittest
from concurrent.futures import ThreadPoolExecutor

from harness import SOURCE, Case, main
from process import SANITIZER, SLOWNESS
from verify_fixtures import ACCEPTED, FIXTURES

OK, FAILURE, USAGE, BAD_CONFIGURATION = 0, 1, 64, 78
PLUGINS = os.environ["SLUICE_PLUGIN_PATH"]
BUILT_FIXTURES = os.environ["SLUICE_FIXTURES"]

# Peers that refuse, and a port of its own: no test reaches out.
SETTINGS = {
    "kite_source": ["url=ws://127.0.0.1:1", "tokens=[408065]"],
    "kite_server": ["listen=127.0.0.1:0"],
    "redis_sink": ["url=redis://127.0.0.1:1"],
}


def names(folder):
    return sorted(name.removesuffix(".so") for name in os.listdir(folder) if name.endswith(".so"))


class Verify(Case):
    def verify(self, *arguments, seconds=10):
        answer = self.cli("verify", "--format", "json", "--limit", f"{seconds * SLOWNESS:g}s",
                          *arguments, limit=120)
        self.assertIn(answer.returncode, (OK, FAILURE), answer.stderr)
        report = json.loads(answer.stdout)[0]
        self.assertEqual(report["ok"], answer.returncode == OK)
        return report

    def all_of(self, verify, of):
        with ThreadPoolExecutor(os.cpu_count()) as at_once:
            return dict(zip(of, at_once.map(verify, of)))


class Plugins(Verify):
    def verify_one(self, name):
        given = [word for each in SETTINGS.get(name, []) for word in ("--set", each)]
        return self.verify(*given, f"{PLUGINS}/{name}.so", seconds=20)

    def test_every_one_of_ours_passes(self):
        ours = names(PLUGINS)
        self.assertGreaterEqual(len(ours), 14)
        for name, report in self.all_of(self.verify_one, ours).items():
            with self.subTest(name):
                self.assertEqual([], [f"{case['name']}: {case['why']}" for case in report["cases"]
                                      if case["result"] == "fail"])
                passed = [case for case in report["cases"] if case["result"] == "pass"]
                self.assertGreaterEqual(len(passed), 15, "most of the cases mean something for it")

    def test_a_sink_is_exchanged_while_its_server_answers(self):
        redis = self.redis()
        subscriber = self.subscriber(redis, "*")
        for name in ("state", "swap"):
            report = self.verify("--case", name, "--set", f"url={redis.url}", "--set", "format=raw",
                                 f"{PLUGINS}/redis_sink.so", seconds=20)
            self.assertEqual([(name, "pass", "")], [(case["name"], case["result"], case["why"])
                                                    for case in report["cases"]])
        self.assertGreater(subscriber.count, 100, "what passed it meanwhile was published")


@unittest.skipIf(SANITIZER, "a sanitizer has words of its own for some of these faults")
class Fixtures(Verify):
    def failing(self, name):
        # Some hang: the limit is what they are waited for.
        report = self.verify(f"{BUILT_FIXTURES}/{name}.so", seconds=1.5)
        return {case["name"]: case["why"] for case in report["cases"] if case["result"] == "fail"}

    def test_each_fails_for_its_own_fault(self):
        for name, failing in self.all_of(self.failing, sorted(FIXTURES)).items():
            with self.subTest(name):
                self.assertEqual(sorted(failing), sorted(FIXTURES[name]))
                for case, words in FIXTURES[name].items():
                    self.assertRegex(failing[case], words)

    def test_the_sound_one_passes(self):
        for name in ACCEPTED:
            self.assertEqual({}, self.failing(name))


class Table(Verify):
    def test_every_case_fails_on_some_fixture(self):
        cases = {case["name"] for case in self.verify(f"{BUILT_FIXTURES}/garbage.so")["cases"]}
        shown = {case for failing in FIXTURES.values() for case in failing}
        self.assertEqual(cases, shown)

    def test_every_fixture_is_in_it(self):
        folder = f"{SOURCE}/tests/fixtures/plugins"
        sources = {name.removesuffix(".cpp") for name in os.listdir(folder)
                   if name.endswith(".cpp")}
        listed = {os.path.basename(name) for name in [*FIXTURES, *ACCEPTED]}
        self.assertEqual(sources | {"garbage", "empty"}, listed)


class Command(Verify):
    def test_text_says_what_is_asked_and_what_was_found(self):
        answer = self.cli("verify", "--limit", f"{10 * SLOWNESS}s", f"{BUILT_FIXTURES}/sound.so",
                          f"{BUILT_FIXTURES}/other_name.so", limit=120)
        self.assertEqual(answer.returncode, FAILURE)
        self.assertIn("sound 1.0.0, a transform\n", answer.stdout)
        self.assertRegex(answer.stdout, r"\n  ok    answers     of a record it changes weight")
        self.assertRegex(answer.stdout, r"\n  skip  state       \(it has no state\)\n")
        self.assertRegex(answer.stdout, r"\n  FAIL  name .*\n        its plugin is named 'another_")
        self.assertRegex(answer.stdout, r"\n\d+ cases: \d+ ok, 0 failed, \d+ skipped\n")

    def test_one_case_alone_brings_those_it_needs_only_if_they_fail(self):
        sound = self.verify("--case", "drain", f"{BUILT_FIXTURES}/sound.so")
        self.assertEqual([("drain", "pass")],
                         [(case["name"], case["result"]) for case in sound["cases"]])
        broken = self.verify("--case", "drain", f"{BUILT_FIXTURES}/throwing_process.so")
        self.assertEqual([("answers", "fail"), ("drain", "skip")],
                         [(case["name"], case["result"]) for case in broken["cases"]])

    def test_settings(self):
        """What a stage needs is said, and taken from the file and from the command."""
        plugin = f"{PLUGINS}/kite_source.so"
        asked = self.verify("--case", "create", plugin)["cases"][0]["why"]
        self.assertRegex(asked, "(?s)tokens.*--set or --config")
        file = self.write("keys.toml", 'url = "ws://127.0.0.1:1"\ntokens = [408065]\n')
        self.assertTrue(self.verify("--case", "create", "--config", file, plugin)["ok"])
        wrong = self.verify("--case", "create", "--config", file, "--set", "modus=full", plugin)
        self.assertIn("modus: unknown key", wrong["cases"][0]["why"])

    def test_a_name_is_looked_for(self):
        self.assertTrue(self.verify("--case", "name", "null")["ok"])

    def test_exit_codes_of_mistakes(self):
        sound = f"{BUILT_FIXTURES}/sound.so"
        for code, arguments in (
                (USAGE, ["nowhere.so"]), (USAGE, [self.folder]),
                (USAGE, [sound, "--case", "nothing"]), (USAGE, [sound, "--limit", "10"]),
                (BAD_CONFIGURATION, [sound, "--config", "no.toml"]),
                (BAD_CONFIGURATION, [sound, "--config", self.write("bad.toml", "a = \n")])):
            with self.subTest(arguments):
                answer = self.cli("verify", *arguments)
                self.assertEqual(answer.returncode, code, answer.stdout)
                self.assertTrue(answer.stderr.strip())


if __name__ == "__main__":
    main()
