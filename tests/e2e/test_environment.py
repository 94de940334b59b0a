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

# What a file that says nothing of them has: the row of the requirement, and the key it became.
DEFAULTS = (
    ("2.A opens after 5 consecutive failures", "circuit_breaker", "failure_threshold", "5"),
    ("2.A 30 seconds recovery timeout", "circuit_breaker", "recovery_timeout", '"30s"'),
    ("2.A requires 2 successes to fully close", "circuit_breaker", "success_threshold", "2"),
    ("2.B publish_timeout=1.0, 2.E timeout=1.0", "redis_sink", "timeout", '"1s"'),
    ("2.B buffer_size=10000", "redis_sink", "queue.records", "10000"),
    ("2.B batch_size=100", "redis_sink", "batch", "100"),
    ("2.B batch_interval=0.1", "redis_sink", "interval", '"100ms"'),
    ("2.B enable_sampling=True", "adaptive_sampler", "enabled", "true"),
    ("2.B enable_load_shedding=True", "load_shedder", "enabled", "true"),
    ("2.B drops oldest messages", "redis_sink", "queue.when_full", '"drop_oldest"'),
    ("2.C HEALTHY 100%", "adaptive_sampler", "keep_healthy", "1"),
    ("2.C WARNING 80%", "adaptive_sampler", "keep_warning", "0.8"),
    ("2.C CRITICAL 50%", "adaptive_sampler", "keep_critical", "0.5"),
    ("2.C OVERLOAD 20%", "adaptive_sampler", "keep_overload", "0.2"),
    ("2.D pending queue > 1000 in CRITICAL state", "load_shedder", "pending", "1000"),
    ("3.A BACKPRESSURE_MONITORING_ENABLED=true", "level", "mode", '"enforce"'),
    ("3.A BACKPRESSURE_WINDOW_SECONDS=60", "backpressure_monitor", "window", '"1m"'),
)


class Environment(Case):
    def effective(self, environment, file=TICKER):
        """{(owner, key): (value, origin)} of the ticker, or of another file."""
        answer = self.cli("check", "--effective", "--format", "json", file,
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

    def test_the_numbers_of_the_requirement_are_the_defaults(self):
        plugins = ("market_simulator", *RESILIENT, "redis_sink")
        found = self.effective({}, self.write("bare.toml", "".join(
            f'[[stage]]\nplugin = "{plugin}"\n' for plugin in plugins)
            + '[[service]]\nplugin = "backpressure_monitor"\n'))
        for row, owner, key, value in DEFAULTS:
            with self.subTest(row):
                self.assertEqual(found[owner, key], (value, "default"))

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
