"""What runs in a browser, in headless Chromium: the dashboard of the real binary, and the page of
packaging/consumers that reads ticks."""

import socket
import time

from browser import Browser
from harness import SOURCE, Case, main
from process import SANITIZER, Process, free_port, wait_until

TOKEN = "open-sesame-of-this-test"
# A busy machine's level is seen, but nothing is sampled for it: only when a test says so.
LEVEL = '[level]\nmode = "monitor"'


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Dashboard(Case):
    def test_states_tap_and_controls(self):
        server = self.redis()
        address = f"127.0.0.1:{free_port()}"
        file = self.write("seen.toml", f"""
[pipeline]
name = "seen"

[[stage]]
plugin = "market_simulator"
rate = 2000
burst = 1

[[stage]]
plugin = "adaptive_sampler"
mode = "fixed"

[[stage]]
plugin = "circuit_breaker"
failure_threshold = 1
recovery_timeout = "2s"
success_threshold = 1

[[stage]]
name = "redis"
plugin = "redis_sink"
url = "{server.url}"
timeout = "600ms"

[[service]]
plugin = "http_admin"
listen = "{address}"
token = "{TOKEN}"

{LEVEL}
hold = "200ms"
latency_warning = "180ms"  # a level that gets worse would end the trial
latency_critical = "190ms"
pending_warning = 1_000
pending_critical = 1_500
""")
        service = self.sluice(file, "seen")
        browser = Browser(self, "dashboard.js", address, TOKEN)
        for word, do in (("stall", server.pause), ("resume", server.resume)):
            browser.wants(word)
            do()
            browser.has()
        browser.wants("stop")
        self.assert_balanced(service)
        service.stop()
        browser.has()
        browser.wants("start")
        self.sluice(file, "seen")
        browser.has()
        browser.ended()


class Consumer(Case):
    """packaging/consumers/browser, served as its first lines say."""

    def test_shows_a_batch_a_frame_and_knows_what_it_missed(self):
        address, port = f"127.0.0.1:{free_port()}", free_port()
        rate = 400 if SANITIZER else 2000  # what the tap is late for the page misses
        file = self.write("seen.toml", f"""
[pipeline]
name = "seen"

[[stage]]
plugin = "market_simulator"
rate = {rate}
burst = 1
count = 50

[[stage]]
plugin = "adaptive_sampler"
mode = "fixed"

[[stage]]
name = "redis"
plugin = "null"

[[service]]
plugin = "http_admin"
listen = "{address}"

{LEVEL}
""")
        service = self.sluice(file, "seen")
        served = Process("served", [
            "/usr/bin/python3", "-m", "http.server", "-b", "127.0.0.1", "-d",
            f"{SOURCE}/packaging/consumers/browser", str(port)], self.folder)
        self.addCleanup(served.kill)
        wait_until(lambda: listens(port), 10, "the page is served")
        browser = Browser(self, "consumer.js", f"127.0.0.1:{port}", address, str(rate))

        browser.wants("drop")
        self.assertEqual(self.cli("level", "seen", "OVERLOAD").returncode, 0)
        service.await_status(lambda status: status.total["dropped"]["sampled"] > 500, 20,
                             "ticks are sampled")
        self.assertEqual(self.cli("level", "seen", "automatic").returncode, 0)
        service.await_status(lambda status: status.document["level"] == "HEALTHY", 20, "HEALTHY")
        browser.has(self.settled(service))

        browser.wants("stop")
        self.assert_balanced(service)
        service.stop()
        browser.has()
        browser.wants("start")
        self.sluice(file, "seen")
        browser.has()
        browser.ended()

    def settled(self, service):
        """How many were sampled in all, when no more are."""
        def sampled():
            return service.status().total["dropped"]["sampled"]

        def twice():
            seen = sampled()
            time.sleep(0.3)
            return seen if sampled() == seen else None

        return wait_until(twice, 20, "no more are sampled")


if __name__ == "__main__":
    main()
