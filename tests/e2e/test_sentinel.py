"""Redis behind sentinels: the master dies, and ticks flow to the new one; what was lost is counted.
"""

import json
import re
import time

from harness import SINK, Case, main, wait_until
from process import SLOWNESS
from redis_sentinels import SentinelGroup, role

TOKENS = [408065, 738561, 341249, 1270529, 779521]
# s from the promotion: when that comes is the sentinels' matter, which may split their vote.
FIRST_TICK_LIMIT = 3


def identity(message):
    """What makes a tick one and the same: its channel and its number within the key."""
    channel, payload, _ = message
    return channel, json.loads(payload)["seq"]


class Sentinels(Case):
    def setUp(self):
        self.group = SentinelGroup(self.folder)
        self.addCleanup(self.group.close)
        self.kite = self.feed()

    def run_ticker(self, url):
        class At:
            pass

        at = At()
        at.url = url
        service = self.sluice(self.ticker(self.kite, at, TOKENS), "ticker")
        wait_until(lambda: self.kite.subscribed() == len(TOKENS), 10, "it subscribed")
        return service

    def assert_in_order(self, messages):
        last = {}
        for channel, number in map(identity, messages):
            self.assertGreater(number, last.get(channel, 0), f"{channel}: out of order or twice")
            last[channel] = number

    def test_master_killed(self):
        old, new = self.group.master, self.group.replica
        # A replica's subscribers receive what is published at its master, too; when it is made a
        # master they are cut, long before anyone else hears of it.
        at_old, at_new = self.subscriber(old), self.subscriber(new, persists=True)
        service = self.run_ticker(self.group.url)
        ticks = self.ticking(self.kite, TOKENS)
        wait_until(lambda: at_old.count > 200, 20, "ticks reach the master's subscriber")

        old.kill()
        killed = time.monotonic()
        wait_until(lambda: role(new)[0] == b"master", 30, "the replica is promoted")
        promoted = time.monotonic() - killed
        wait_until(lambda: any(when > killed + 0.5 for *_, when in list(at_new.messages)), 20,
                   "ticks reach the new master")
        pause = next(when for *_, when in at_new.messages if when > killed + 0.5) - killed
        print(f"first tick on the new master after {pause:.2f} s, promoted after {promoted:.2f} s")
        self.assertLess(pause, promoted + FIRST_TICK_LIMIT * SLOWNESS)

        ticks.stop()
        status = service.await_status(
            lambda now: now.total["created"] == ticks.sent
            and now.stage(SINK)["count"]["published"] + now.total["unknown"] == ticks.sent,
            20, "every tick is accounted for")
        self.assertTrue(status.balanced)
        self.assert_in_order(at_old.messages)
        self.assert_in_order(at_new.messages)
        # Every tick that no subscriber received is one of the unknown.
        seen = {identity(each) for who in (at_old, at_new) for each in who.messages}
        self.assertLessEqual(ticks.sent - len(seen), status.total["unknown"])
        self.assertRegex(service.log, rf"the master at 127\.0\.0\.1:{new.port}")
        self.assert_ends_well(service)

    def test_sentinels_that_do_not_help_and_a_failover_on_command(self):
        dead = self.group.sentinels[0]
        dead.kill()
        hung = self.redis()  # takes connections and never answers
        hung.pause()
        live = self.group.sentinels[1].port
        begun = time.monotonic()
        subscriber = self.subscriber(self.group.master)
        service = self.run_ticker(f"redis+sentinel://127.0.0.1:{dead.port},{hung.url[8:]},"
                                  f"127.0.0.1:{live}/prices")
        ticks = self.ticking(self.kite, TOKENS)
        wait_until(lambda: subscriber.count > 20, 20, "ticks reach the master")
        self.assertLess(time.monotonic() - begun, 10 * SLOWNESS)

        # The old master goes on for seconds, as one that publishes to nobody, before it is made a
        # replica and cuts its clients: nothing must go on to it.
        self.group.sentinels[1].command("SENTINEL", "FAILOVER", "prices")
        new = f"127.0.0.1:{self.group.replica.port}"
        wait_until(lambda: f"a sentinel says that the master is {new} now" in service.log, 20,
                   "it hears of the failover")
        said = time.monotonic()
        wait_until(lambda: f"the master at {new}" in service.log, 20, "it follows the failover")
        print(f"on the new master {time.monotonic() - said:.2f} s after it heard of it")
        self.assert_flows(self.group.replica)
        status = self.assert_balanced(service)
        self.assertEqual(status.total["unknown"], 0)
        ticks.stop()
        self.assert_ends_well(service)

        lost = self.start(self.write("lost.toml", f"""
[[stage]]
plugin = "market_simulator"

[[stage]]
plugin = "redis_sink"
url = "redis+sentinel://127.0.0.1:{live}/nobody"
"""), "lost")
        wait_until(lambda: re.search(r"no sentinel told where the master `nobody` is: "
                                     rf"sentinel 127\.0\.0\.1:{live}: knows no master", lost.log),
                   20, "it says which sentinel said what")


if __name__ == "__main__":
    main()
