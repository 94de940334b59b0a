"""The requirement's environment variables, by their names, on the shipped pipelines."""

import json

from harness import SOURCE, Case, main

TICKER = f"{SOURCE}/pipelines/ticker.toml"
SHIPPED = {"KITE_API_KEY": "hunter1", "KITE_ACCESS_TOKEN": "hunter2"}
RESILIENT = ("adaptive_sampler", "load_shedder", "circuit_breaker")

# Variable, its text, and the value it makes of a stage's key.
VALUES = (
    ("BACKPRESSURE_MONITORING_ENABLED", "false", "level", "mode", '"never"'),
    ("BACKPRESSURE_WINDOW_SECONDS", "90", "backpressure_monitor", "window", '"90s"'),
    ("CIRCUIT_BREAKER_FAILURE_THRESHOLD", "7", "circuit_breaker", "failure_threshold", "7"),
    ("CIRCUIT_BREAKER_RECOVERY_TIMEOUT", "45", "circuit_breaker", "recovery_timeout", '"45s"'),
    ("REDIS_PUBLISH_TIMEOUT", "1.5", "redis", "timeout", '"1500ms"'),
    ("REDIS_BUFFER_SIZE", "12345", "redis", "queue.records", "12345"),
    ("REDIS_BATCH_SIZE", "50", "redis", "batch", "50"),
    ("REDIS_BATCH_INTERVAL", "0.05", "redis", "interval", '"50ms"'),
    ("ENABLE_ADAPTIVE_SAMPLING", "false", "adaptive_sampler", "enabled", "false"),
    ("ENABLE_LOAD_SHEDDING", "false", "load_shedder", "enabled", "false"),
)


class Environment(Case):
    def effective(self, environment):
        """{(owner, key): (value, origin)} of the ticker."""
        answer = self.cli("check", "--effective", "--format", "json", TICKER,
                          environment=SHIPPED | environment)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertNotRegex(answer.stdout + answer.stderr, "hunter")
        return {(one["owner"], one["key"]): (one["value"], one["origin"])
                for one in json.loads(answer.stdout)[0]["effective"]}

    def test_each_variable(self):
        for variable, text, owner, key, value in VALUES:
            with self.subTest(variable):
                self.assertNotEqual(self.effective({})[owner, key][0], value)
                self.assertEqual(self.effective({variable: text})[owner, key],
                                 (value, f"environment {variable}"))

    def test_a_dotenv_file(self):
        self.write(".env", "# the requirement's\n"
                   + "".join(f"{variable}={text}\n" for variable, text, *_ in VALUES))
        found = self.effective({"REDIS_BATCH_SIZE": "60"})
        for line, (variable, _, owner, key, value) in enumerate(VALUES, 2):
            expected = (value, f".env:{line} {variable}")
            if variable == "REDIS_BATCH_SIZE":
                expected = ("60", "environment REDIS_BATCH_SIZE")
            self.assertEqual(found[owner, key], expected)

    def test_bad_values_name_the_variable(self):
        for variable, *_ in VALUES:
            with self.subTest(variable):
                answer = self.cli("check", TICKER, environment=SHIPPED | {variable: "maybe"})
                self.assertEqual(answer.returncode, 78)
                self.assertRegex(answer.stderr, f"environment: {variable}: .*must be ")

    def test_the_direct_way(self):
        direct = {"USE_RESILIENT_PUBLISHER": "false", "ENABLE_ADAPTIVE_SAMPLING": "true"}
        found = self.effective(direct)
        for stage in RESILIENT:
            value, origin = found[stage, "enabled"]
            self.assertEqual(value, "false")
            self.assertIn("(environment USE_RESILIENT_PUBLISHER)", origin)
        graph = self.cli("graph", TICKER, environment=SHIPPED | direct).stdout
        for stage in RESILIENT:
            self.assertRegex(graph, rf"{stage} +\[switched off\]")
        self.assertNotIn("switched off", self.cli("graph", TICKER, environment=SHIPPED).stdout)
        bad = self.cli("check", TICKER, environment=SHIPPED | {"USE_RESILIENT_PUBLISHER": "maybe"})
        self.assertEqual(bad.returncode, 78)
        self.assertRegex(bad.stderr, "must be true or false.*USE_RESILIENT_PUBLISHER")

    def test_status_says_what_is_bypassed(self):
        file = self.write("off.toml", """
[[stage]]
plugin = "market_simulator"

[[stage]]
plugin = "load_shedder"

[[stage]]
plugin = "null"
""")
        service = self.sluice(file, "off", environment={"ENABLE_LOAD_SHEDDING": "false"})
        status = service.await_status(lambda status: status.stage("null")["count"]["in"] > 0, 20,
                                      "records pass by the stage")
        self.assertTrue(status.stage("load_shedder")["bypassed"])
        self.assert_ends_well(service)


if __name__ == "__main__":
    main()
