"""The circuit breaker before a real Redis that hangs, is cut, and comes back."""

import re
import socket
import time

from harness import SINK, Case, main, wait_until
from process import SLOWNESS
from redis_client import encode, read_reply

TOKENS = [408065, 738561, 341249, 1270529, 779521]
BREAKER = "circuit_breaker"
CLOSED, OPEN, FORCED_OPEN = 0, 1, 4


class CircuitBreaker(Case):
    def guarded(self, settings):
        """Ticks flow from a feed through a breaker with `settings` into a Redis."""
        self.server = self.redis()
        self.kite = self.feed()
        file = self.ticker(self.kite, self.server, TOKENS,
                           between=f'[[stage]]\nplugin = "{BREAKER}"\n{settings}\n')
        self.service = self.sluice(file, "ticker")
        wait_until(lambda: self.kite.subscribed() == len(TOKENS), 10, "it subscribed")
        self.ticks = self.ticking(self.kite, TOKENS)
        self.assert_flows(self.server)

    def await_state(self, state, limit):
        return self.service.await_status(
            lambda now: now.metric(BREAKER, "state") == state, limit, f"state {state}")

    def stop_redis_until_open(self):
        """The status when it opened, which takes about five timeouts of 1 s."""
        stopped = time.monotonic()
        self.server.pause()
        status = self.await_state(OPEN, 8)
        self.assertGreater(time.monotonic() - stopped, 3)
        self.assertEqual(status.metric(BREAKER, "opened"), 1)
        return status

    def executed(self):
        """PUBLISH commands that Redis has executed so far."""
        return int(re.search(r"cmdstat_publish:calls=(\d+)",
                             self.server.command("INFO", "commandstats").decode()).group(1))

    def assert_nothing_is_sent(self, opened, seconds):
        time.sleep(seconds)
        during = self.assert_balanced(self.service)
        self.assertGreater(during.total["created"], opened.total["created"], "the feed is read on")
        self.assertEqual(during.metric(BREAKER, "state"), OPEN)
        self.assertEqual(during.stage(SINK)["count"]["in"], opened.stage(SINK)["count"]["in"])
        self.assertEqual(during.stage(SINK)["in_flight"], 0)
        return during

    def finish(self):
        """Redis executed what was published and at most what is unknown, and nothing else."""
        self.ticks.stop()
        status = self.service.await_status(
            lambda now: now.total["created"] == self.ticks.sent and now.document["held"] == 0, 10,
            "all is done")
        self.assertTrue(status.balanced)
        executed = self.executed()
        self.assertGreaterEqual(executed, status.total["published"])
        self.assertLessEqual(executed, status.total["published"] + status.total["unknown"])
        return status

    def test_active_probe_recovers_at_once_with_the_newest_ticks(self):
        self.guarded('probe = "active"\non_open = "keep_latest"')
        opened = self.stop_redis_until_open()
        self.assert_nothing_is_sent(opened, 2)
        status = self.service.await_status(
            lambda now: now.stage(BREAKER)["queue"]["records"] <= len(TOKENS), 2, "conflated")
        self.assertEqual(status.stage(BREAKER)["count"]["dropped"]["circuit_open"], 0)
        resumed = time.monotonic()
        self.server.resume()
        self.await_state(CLOSED, 3)
        self.assertLess(time.monotonic() - resumed, 3 * SLOWNESS)
        self.assert_flows(self.server)
        status = self.finish()
        self.assertGreater(status.stage(BREAKER)["count"]["dropped"]["conflated"], 0)
        self.assertIn("opened: 5 consecutive failures, the last: cannot connect (timeout)",
                      self.service.log)
        self.assertIn("on trial: connected anew", self.service.log)

    def test_passive_stays_open_for_its_time_and_drops(self):
        self.guarded('recovery_timeout = "3s"')
        opened = self.stop_redis_until_open()
        since = time.monotonic()
        self.server.resume()
        # Redis works off what its socket held of the time before, then counts no more.
        wait_until(lambda: self.server.command("PING") == "PONG", 5, "Redis answers")
        time.sleep(0.2)
        counted = self.executed()
        during = self.assert_nothing_is_sent(opened, 1)
        self.assertEqual(self.executed(), counted, "no PUBLISH while it is open")
        self.assertGreater(during.stage(BREAKER)["count"]["dropped"]["circuit_open"], 0)
        self.await_state(CLOSED, 6)
        self.assertGreater(time.monotonic() - since, 2)
        self.assert_flows(self.server)
        status = self.finish()
        self.assertGreater(status.metric(BREAKER, "open_seconds"), 2.9)
        self.assertEqual(status.metric(BREAKER, "transitions"), 3)

    def test_an_operator_forces_it(self):
        self.guarded("")
        self.assertEqual(self.cli("breaker", "ticker").stdout, f"{BREAKER}: CLOSED\n")
        self.assertEqual(self.cli("breaker", "ticker", "open").returncode, 0)
        opened = self.await_state(FORCED_OPEN, 2)
        time.sleep(0.5)
        during = self.assert_balanced(self.service)
        self.assertEqual(during.stage(SINK)["count"]["in"], opened.stage(SINK)["count"]["in"])
        self.assertEqual(self.cli("breaker", "ticker").stdout, f"{BREAKER}: FORCED_OPEN\n")
        self.assertEqual(self.cli("breaker", "ticker", BREAKER, "automatic").returncode, 0)
        self.await_state(CLOSED, 2)
        self.assert_flows(self.server)
        self.assertEqual(self.cli("breaker", "ticker", SINK, "open").returncode, 69)
        self.assertEqual(self.cli("breaker", "ticker", BREAKER, "ajar").returncode, 64)

    def cut(self):
        """Kills every connection while Redis was busy, so that calls are under way."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=5) as connection:
            connection.sendall(encode("EVAL", "for i = 1, 2e7 do end", 0) +
                               encode("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
            with connection.makefile("rb") as stream:
                read_reply(stream)
                self.assertGreaterEqual(read_reply(stream), 1)

    def test_a_cut_connection_never_opens_it(self):
        self.guarded("")
        for cut in range(1, 4):
            self.cut()
            self.service.await_status(
                lambda now, cut=cut: now.metric(SINK, "reconnects") >= cut, 5, "connected anew")
            self.assert_flows(self.server)
        status = self.finish()
        self.assertGreater(status.metric(BREAKER, "calls_failed"), 0)
        self.assertEqual(status.metric(BREAKER, "transitions"), 0)
        self.assertEqual(self.service.log.count("redis: disconnected: "), 3, "one incident a cut")


if __name__ == "__main__":
    main()
