"""The monitor's figures of a pipeline that publishes to a real Redis at a known rate."""

from harness import Case, main

RATE = 2000


class Monitor(Case):
    def setUp(self):
        self.server = self.redis()
        file = self.write("watched.toml", f"""
[pipeline]
name = "watched"

[[stage]]
plugin = "market_simulator"
rate = {RATE}

[[stage]]
name = "redis"
plugin = "redis_sink"
url = "{self.server.url}"

[[service]]
name = "monitor"
plugin = "backpressure_monitor"
window = "5s"
memory_warning = "${{MEMORY_WARNING:-0.7}}"
memory_critical = 0
memory_overload = 0
""")
        self.file = file

    def start_watched(self, **environment):
        self.service = self.sluice(self.file, "watched",
                                   {"BACKPRESSURE_WINDOW_SECONDS": "4"} | environment)

    def await_metric(self, condition, what):
        return self.service.await_status(
            lambda status: condition(lambda name: status.metric("monitor", name)), 20, what)

    def test_figures(self):
        self.start_watched()
        status = self.await_metric(
            lambda value: abs(value("ingestion_rate_1s") - RATE) < 0.2 * RATE
            and abs(value("publish_rate_1s") - RATE) < 0.2 * RATE
            and abs(value("ingestion_rate_4s") - RATE) < 0.2 * RATE
            and value("cpu_ratio_4s") > 0,
            "the rates are those of the market")
        metrics = status.stage("monitor")["metrics"]
        self.assertNotIn("ingestion_rate_5s", metrics)  # the environment overrides the file
        self.assertLess(abs(metrics["rate_ratio_4s"] - 1), 0.3)
        self.assertEqual(metrics["error_ratio_1s"], 0)
        self.assertGreater(metrics["publish_latency_avg_seconds_1s"], 0)
        self.assertGreaterEqual(metrics["publish_latency_p99_seconds_4s"],
                                metrics["publish_latency_p50_seconds_4s"])
        self.assertGreater(metrics["memory_bytes"], 1 << 20)
        self.assertGreater(metrics["memory_limit_bytes"], metrics["memory_bytes"])
        self.assertGreater(metrics["memory_ratio"], 0)
        self.assertGreater(metrics["cpu_cores"], 0)
        self.assertLess(metrics["cpu_ratio_1s"], 1.5)
        self.assertEqual(status.document["window_s"], 4)
        self.assertGreater(status.stage("redis")["latency_longer"]["mean_s"], 0)
        self.assert_balanced(self.service)
        self.assert_ends_well(self.service)

    def test_memory_counts_for_the_level(self):
        self.start_watched(MEMORY_WARNING="0.000001")
        status = self.service.await_status(
            lambda status: "monitor: memory" in status.document["level_cause"], 20,
            "memory is the level's cause")
        self.assertNotEqual(status.document["level"], "HEALTHY")
        self.assertRegex(status.document["level_cause"], r"memory .* % >= 0.0001 %")
        self.assertEqual(status.stage("monitor")["signals"][0]["name"], "memory")

    def test_errors(self):
        self.start_watched()
        self.await_metric(lambda value: value("publish_rate_1s") > 0, "it publishes")
        self.server.kill()
        self.await_metric(lambda value: value("connection_error_rate_4s") > 0,
                          "failed attempts to connect are counted")


if __name__ == "__main__":
    main()
