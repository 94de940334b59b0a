"""A real Prometheus scrapes the real binary, with the shipped rules cut from minutes to seconds: the
alerts that should fire do, and no other."""

import json
import os
import pathlib
import re
import urllib.request

from harness import SOURCE, Case, main, wait_until
from process import Process, free_port

RULES = pathlib.Path(SOURCE, "packaging/prometheus/sluice.rules.yml")
PIPELINE = pathlib.Path(SOURCE, "pipelines/ticker.toml")
TOKENS = [256265, 260105, 408065, 738561]
LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def cut(rules):
    """The same rules with each `for` and each range of minutes in seconds of a tenth or less, and
    thresholds of age and rate that a test's feed of seconds can reach."""
    seconds = {"30m": "3s", "10m": "2s", "2m": "1s", "1m": "1s", "30s": "1s"}
    rules = re.sub(r"for: (\w+)", lambda one: f"for: {seconds[one[1]]}", rules)
    rules = re.sub(r"\[(?:5m|15m)\]", "[3s]", rules).replace("[45s:5s]", "[2s:500ms]")
    rules = rules.replace("feed_age_seconds > 15", "feed_age_seconds > 3")
    return rules.replace("dropped_total[3s]) > 100", "dropped_total[3s]) > 50")


class Scenario(Case):
    def setUp(self):
        self.server, self.feed_ = self.redis(), self.feed()
        port = free_port()
        pipeline = PIPELINE.read_text(encoding="utf-8") + f"""
[[service]]
name = "scraped"
plugin = "http_admin"
listen = "127.0.0.1:{port}"

[level]
hold = "200ms"
"""
        self.sluice(self.write("ticker.toml", pipeline), "ticker", {
            "KITE_URL": self.feed_.url, "KITE_API_KEY": "key", "KITE_ACCESS_TOKEN": "token",
            "REDIS_URL": self.server.url})
        self.sending = self.ticking(self.feed_, TOKENS)
        self.assert_flows(self.server)
        self.prometheus(port)

    def prometheus(self, target):
        self.write("rules.yml", cut(RULES.read_text(encoding="utf-8")))
        config = self.write("prometheus.yml", f"""
global: {{scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}}
rule_files: [rules.yml]
scrape_configs: [{{job_name: sluice, static_configs: [{{targets: ["127.0.0.1:{target}"]}}]}}]
""")
        self.port = free_port()
        process = Process("prometheus", [
            "prometheus", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{self.port}",
            f"--storage.tsdb.path={os.path.join(self.folder, 'data')}", "--log.level=warn"],
            self.folder)
        self.addCleanup(process.kill)
        wait_until(lambda: self.ask("query?query=ticker_backpressure_level")["result"], 20,
                   "Prometheus has scraped")

    def ask(self, what):
        try:
            with LOOPBACK.open(f"http://127.0.0.1:{self.port}/api/v1/{what}", timeout=5) as answer:
                return json.load(answer)["data"]
        except OSError:
            return {"result": [], "alerts": []}

    def firing(self):
        return {one["labels"]["alertname"] for one in self.ask("alerts")["alerts"]
                if one["state"] == "firing"}

    def await_firing(self, *names):
        wait_until(lambda: self.firing() >= set(names), 20, f"{names} fire")

    def await_quiet(self):
        wait_until(lambda: not self.firing(), 30, "no alert fires")

    def test_alerts_follow_what_happens(self):
        self.await_quiet()

        # Redis is gone: the breaker opens after 5 failures, and what it keeps back is conflated.
        self.server.kill()
        self.await_firing("TickerCircuitBreakerOpen", "TickerBackpressureCritical",
                          "TickerHighDropRate")
        self.assertFalse(self.firing() & {"SluiceLedgerImbalance", "SluiceFeedSilent",
                                          "TickerCircuitBreakerForced", "SluiceDown"})
        self.server.start()
        self.await_quiet()

        self.cli("breaker", "ticker", "open")
        self.await_firing("TickerCircuitBreakerOpen", "TickerCircuitBreakerForced")
        self.cli("breaker", "ticker", "automatic")
        self.await_quiet()

        self.sending.stop()
        self.await_firing("SluiceFeedSilent")
        self.assertEqual(self.firing(), {"SluiceFeedSilent"})


if __name__ == "__main__":
    main()
