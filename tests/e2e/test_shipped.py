"""The other ways of the shipped pipelines, between the sandbox and Redis."""

import json
import pathlib
import urllib.request

from harness import SOURCE, Case, main
from process import free_port, wait_until

PIPELINES = f"{SOURCE}/pipelines"
KEYS = {"KITE_API_KEY": "key", "KITE_ACCESS_TOKEN": "token", "STREAM": "orders"}
RESILIENT = ("adaptive_sampler", "load_shedder", "circuit_breaker")

# Whatever proxy the environment names.
LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Shipped(Case):
    def test_no_advice_is_due(self):
        answer = self.cli("check", "--deny-warnings", PIPELINES, environment=KEYS)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(answer.stderr, "")

    def test_every_plugin_has_an_example_that_is_sound(self):
        for folder in sorted(pathlib.Path(SOURCE, "plugins").iterdir()):
            if not (folder / f"{folder.name}.cpp").exists():
                continue  # a library that plugins share
            with self.subTest(plugin=folder.name):
                answer = self.cli("check", str(folder / "example.toml"), environment=KEYS)
                self.assertEqual(answer.returncode, 0, answer.stderr)


class Running(Case):
    def setUp(self):
        self.server = self.redis()
        self.address = f"127.0.0.1:{free_port()}"
        self.sluice(f"{PIPELINES}/market-simulator.toml", "market-simulator",
                    {"SANDBOX_LISTEN": self.address})
        self.received = self.subscriber(self.server)

    def run_pipeline(self, name, environment=None):
        return self.sluice(f"{PIPELINES}/{name}.toml", name, KEYS | {
            "KITE_URL": f"ws://{self.address}", "REDIS_URL": self.server.url} | (environment or {}))

    def await_types(self, *types):
        """A tick of each type, or an order update of none, reaches the subscriber."""
        def missing():
            seen = {channel.split(":")[1] for channel, *_ in list(self.received.messages)}
            return set(types) - seen
        wait_until(lambda: not missing(), 20, f"ticks of {types} arrive")

    def order(self, update):
        request = urllib.request.Request(f"http://{self.address}/order",
                                         json.dumps(update).encode(), method="POST")
        LOOPBACK.open(request, timeout=5).close()

    def test_ticker_the_direct_way(self):
        service = self.run_pipeline("ticker", {"USE_RESILIENT_PUBLISHER": "false"})
        self.await_types("options", "futures", "underlying", "equity")
        status = service.status()
        for stage in RESILIENT:
            self.assertTrue(status.stage(stage)["bypassed"], stage)
        self.assert_balanced(service)
        self.assert_ends_well(service)

    def test_ticker_gradual(self):
        service = self.run_pipeline("ticker-gradual")
        self.await_types("options", "futures", "underlying", "equity")
        self.order({"order_id": "1", "status": "COMPLETE"})
        self.await_types("unknown")
        self.assert_balanced(service)
        status = service.status()
        self.assertEqual(status.total["dropped"].get("unrouted", 0), 0)
        for sink in ("redis_resilient", "redis_direct"):
            self.assertGreater(status.stage(sink)["count"]["published"], 0, sink)
        sampled = status.stage("adaptive_sampler")["count"]["in"]
        self.assertGreater(status.stage("kite_source")["count"]["out"], sampled)
        self.assert_ends_well(service)


if __name__ == "__main__":
    main()
