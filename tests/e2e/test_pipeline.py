"""The shipped pipelines as a user runs them, from sandbox to subscriber; and how they end."""

import collections
import json
import re
import signal
import time

from harness import SINK, SOURCE, Case, main, wait_until
from process import free_port

TOKENS = [408065, 738561, 341249]
RECORDED = 3000


class ShippedPipelines(Case):
    def test_sandbox_to_subscriber(self):
        server = self.redis()
        subscriber = self.subscriber(server)
        address = f"127.0.0.1:{free_port()}"
        sandbox = self.sluice(f"{SOURCE}/pipelines/market-simulator.toml", "market-simulator",
                              {"SANDBOX_LISTEN": address})
        service = self.sluice(f"{SOURCE}/pipelines/ticker.toml", "ticker", {
            "KITE_URL": f"ws://{address}", "KITE_API_KEY": "key", "KITE_ACCESS_TOKEN": "token",
            "REDIS_URL": server.url})
        wait_until(lambda: subscriber.count >= 2000, 30, "2,000 ticks reach the subscriber")
        self.assert_balanced(service)
        self.assert_balanced(sandbox)
        self.assertEqual(service.stop(), 0, service.log)
        self.assertEqual(sandbox.stop(), 0, sandbox.log)

        last = collections.defaultdict(int)
        missing = 0
        for channel, payload, _ in list(subscriber.messages):
            tick = json.loads(payload)
            token = tick["instrument_token"]
            self.assertRegex(channel, rf"^ticker:[a-z]+:{token}$")
            self.assertGreater(tick["seq"], last[token], f"seq of {token} goes on")
            missing += tick["seq"] - last[token] - 1
            last[token] = tick["seq"]
        # On a slow machine the queue may drop by policy; a gap is never more than what it counted.
        dropped = sum(int(number.replace(",", "")) for number in
                      re.findall(r"(?m)^  - dropped .*?([\d,]+)$", service.log))
        self.assertLessEqual(missing, dropped, service.log)
        published = re.search(r"(?m)^  - published +([\d,]+)$", service.log).group(1)
        self.assertEqual(f"{len(subscriber.messages):,}", published)
        self.assertRegex(service.log, r"imbalance\W+0\b")


class Replay(Case):
    """What the recorder wrote comes out of the simulator as it went in."""

    def run_to_the_end(self, name, source, more=""):
        """The payloads of each channel, in their order, of a pipeline whose source ends by itself."""
        server = self.redis()
        subscriber = self.subscriber(server)
        file = self.write(f"{name}.toml", f"""
[pipeline]
name = "{name}"

[[stage]]
name = "market"
plugin = "market_simulator"
instruments = "{self.environment["KITE_INSTRUMENTS"]}"
{source}

[[stage]]
name = "{SINK}"
plugin = "redis_sink"
url = "{server.url}"
queue = {{ when_full = "block" }}
{more}
""")
        service = self.sluice(file, name)
        service.await_status(lambda now: now.stage(SINK)["count"]["published"] == RECORDED, 20,
                             "all is published")
        self.assert_ends_well(service)
        wait_until(lambda: subscriber.count == RECORDED, 10, "the subscriber has it all")
        channels = collections.defaultdict(list)
        for channel, payload, _ in subscriber.messages:
            channels[channel].append(payload)
        return channels

    def test_a_recorded_session(self):
        session = f"{self.folder}/session"
        live = self.run_to_the_end(
            "live", f'mode = "mixed"\nrate = 2000\nlimit = {RECORDED}',
            f'[[stage]]\nplugin = "recorder"\nfrom = ["market"]\npath = "{session}"')
        self.assertGreater(len(live), 100)
        replayed = self.run_to_the_end("replayed", f'replay = "{session}"\nspeed = 5')
        self.assertEqual(replayed, live)


class Shutdown(Case):
    """SIGTERM drains; what cannot be drained in time is told by the exit code."""

    def begin(self, drain_limit):
        self.server = self.redis()
        kite = self.feed()
        file = self.ticker(kite, self.server, TOKENS, pipeline=f'drain_limit = "{drain_limit}"',
                           sink='queue = { records = 10_000, max_delay = "0s" }')
        service = self.sluice(file, "ticker")
        wait_until(lambda: kite.subscribed() == len(TOKENS), 10, "it subscribed")
        self.ticking(kite, TOKENS)
        self.assert_flows(self.server)
        return service

    def test_sigint_drains_like_sigterm(self):
        service = self.begin("10s")
        service.signal(signal.SIGINT)
        self.assertEqual(service.wait(15), 0, service.log)
        self.assertRegex(service.log, r"imbalance\W+0\b")

    def test_loss_in_the_drain_is_exit_code_75(self):
        service = self.begin("2s")
        self.server.pause()
        time.sleep(0.5)
        began = time.monotonic()
        self.assert_ends_well(service, 75)
        self.assertLess(time.monotonic() - began, 8)

    def test_second_sigterm_ends_at_once(self):
        service = self.begin("60s")
        self.server.pause()
        time.sleep(0.5)
        service.signal(signal.SIGTERM)
        time.sleep(0.3)
        self.assertTrue(service.running, "it drains")
        began = time.monotonic()
        service.signal(signal.SIGTERM)
        self.assertEqual(service.wait(10), 75, service.log)
        self.assertLess(time.monotonic() - began, 3)
        self.assertRegex(service.log, r"imbalance\W+0\b")


if __name__ == "__main__":
    main()
