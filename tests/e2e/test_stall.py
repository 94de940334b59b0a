"""Redis stops and comes back, at the rate of a whole Kite feed, through the shipped ticker."""

import datetime
import json
import os
import re
import signal
import time
import types
import unittest

from harness import SINK, SOURCE, Case, main, wait_until
from process import SANITIZER, SLOWNESS, free_port

STALE = 0.25  # s from receipt to reply
RETURNS = 3  # s until a breaker with an active probe lets everything through again
NORMAL = 0.5  # s from then until the p99 of the age is as before
MEMORY = 16 << 20  # most it may grow, in bytes
PER_INSTRUMENT = 12  # ticks a second: the newest of each is not stale
RISE = re.compile(" to (CRITICAL|OVERLOAD): (?!.* recovers)")
BREAKER = '[[stage]]\nplugin = "circuit_breaker"\nprobe = "active"\non_open = "keep_latest"\n'


def memory(process):
    """Resident bytes."""
    with open(f"/proc/{process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def published(status):
    return status.stage(SINK)["count"]["published"]


def stale(status):
    """Records published too late, and those that may have been: sent and never answered."""
    buckets = status.stage(SINK)["ages"]["buckets"]
    on_time = next(each["count"] for each in buckets if each.get("le_s") == STALE)
    return buckets[-1]["count"] - on_time + status.total["unknown"]


def late_share(before, after, bound):
    """Of what was published between two statuses, the share with an age above `bound`; 1 if nothing
    was."""
    first, last = (each.stage(SINK)["ages"]["buckets"] for each in (before, after))
    came = [new["count"] - old["count"] for old, new in zip(first, last)]
    within = next(count for count, each in zip(came, last) if each.get("le_s", bound) >= bound)
    return 1 - within / max(1, came[-1])


def rose(status, since):
    """How long after `since`, a time.time(), the level came to CRITICAL or worse, in seconds."""
    for each in status.document["events"]:
        after = datetime.datetime.fromisoformat(each["time"]).timestamp() - since
        if each["kind"] == "level" and after > 0 and RISE.search(each["message"]):
            return after
    raise AssertionError("the level did not rise")


class Stall(Case):
    def market(self, rate):
        """A sandbox of a feed of `rate` ticks a second, and a Redis."""
        self.server = self.redis()
        self.instruments = rate // PER_INSTRUMENT
        rows = [f"{(1000 + i) << 8 | 1},{1000 + i},SIM{i},SIM{i},1000,,0,0.05,1,EQ,NSE,NSE"
                for i in range(self.instruments)]
        header = ("instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,"
                  "tick_size,lot_size,instrument_type,segment,exchange")
        self.listed = self.write("instruments.csv", "\n".join([header, *rows, ""]))
        address = f"127.0.0.1:{free_port()}"
        self.url = f"ws://{address}"
        self.sandbox = self.sluice(self.write("sandbox.toml", f"""
[pipeline]
name = "sandbox"

[[stage]]
plugin = "market_simulator"
instruments = "{self.listed}"
rate = {rate}
skew = 0
burst = 1

[[stage]]
plugin = "kite_server"
listen = "{address}"
"""), "sandbox")

    def await_flow(self, service, rate):
        service.await_status(
            lambda now: now.document["published_per_s"] > 0.9 * rate
            and now.document["level"] == "HEALTHY", 20, "all is published")

    def stop_for(self, seconds):
        """Stops Redis; what is the matter with the reader meanwhile."""
        late = []
        self.server.pause()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(min(0.5, max(0, ends - time.monotonic())))
            status = self.assert_balanced(self.service)
            late += status.stage("kite_source")["signals"]
            self.most = max(self.most, memory(self.service))
        self.server.resume()
        return late

    def recovery(self, bound):
        """Of a Redis that has just returned, in seconds: when something is published again, when
        of each instrument, and when the first half second began of which 99 % of what is published
        has an age of `bound` at most."""
        began = time.monotonic()
        subscriber = self.subscriber(self.server)
        seen = [(0, self.service.status())]  # the last: before anything was published
        whole = normal = None
        while whole is None or normal is None:
            time.sleep(0.05)
            seen.append((time.monotonic() - began, self.service.status()))
            after, now = seen[-1]
            self.assertLess(after, (RETURNS + 2) * SLOWNESS, "it goes on as before")
            if len(seen) == 2 and published(seen[0][1]) == published(now):
                seen.pop(0)
                continue
            if whole is None and self.instruments == len(
                    {each[0] for each in list(subscriber.messages)}):
                whole = after
                subscriber.close()
            normal = next((at for at, since in seen[1:]
                           if after - at >= 0.5 and late_share(since, now, bound) <= 0.01), None)
        return seen[1][0], whole, normal

    def stall(self, seconds, rate):
        self.market(rate)
        self.service = self.sluice(f"{SOURCE}/pipelines/ticker.toml", "ticker", {
            "KITE_URL": self.url, "KITE_API_KEY": "key", "KITE_ACCESS_TOKEN": "token",
            "KITE_INSTRUMENTS": self.listed, "REDIS_URL": self.server.url})
        self.await_flow(self.service, rate)
        time.sleep(2)
        before, grown_from = self.service.status(), memory(self.service)
        self.most = grown_from
        stopped = time.time()
        late = self.stop_for(seconds)
        resumed = time.monotonic()
        usual = before.stage(SINK)["age"]["p99_s"]
        found, whole, normal = self.recovery(max(2 * usual, 0.02))
        after = self.service.await_status(
            lambda now: now.document["level"] == "HEALTHY", 20, "HEALTHY again")
        healthy = time.monotonic() - resumed
        grown = max(self.most, memory(self.service)) - grown_from
        noticed = rose(after, stopped)
        print(f"\n{seconds} s at {rate:,}/s: CRITICAL after {noticed:.2f} s, found again after "
              f"{found:.2f} s, all instruments after {whole:.2f} s, p99 {usual * 1000:.1f} ms again "
              f"after {normal:.2f} s, HEALTHY after {healthy:.1f} s, "
              f"{stale(after) - stale(before)} stale, memory grew {grown / (1 << 20):.1f} MiB")
        self.assertLess(noticed, 0.5 if not SANITIZER else 0.5 * SLOWNESS)
        self.assertLess(whole, RETURNS * SLOWNESS)
        self.assertLess(normal - found, NORMAL * SLOWNESS)
        self.assertLess(stale(after) - stale(before), 1000)
        if not SANITIZER:  # a sanitizer keeps what was freed
            self.assertLess(grown, MEMORY)
        self.assertEqual(late, [])
        self.assert_read_whole()

    def assert_read_whole(self):
        """Nothing that was served was missed, on the first connection."""
        served = self.sandbox.status()
        for trouble in ("cut_slow", "cut_dead", "skipped_frames"):
            self.assertEqual(served.metric("kite_server", trouble), 0, trouble)
        read = self.service.status()
        self.assertEqual(read.metric("kite_source", "dials"), 1)
        for trouble in ("disconnects", "reconnects", "gaps"):
            self.assertEqual(read.metric("kite_source", trouble), 0, trouble)
        self.sandbox.stop()
        self.assert_balanced(self.service)
        self.assert_ends_well(self.service)

    def test_redis_stops_for_8_s(self):
        self.stall(8, 10_000)

    @unittest.skipUnless(os.environ.get("SLUICE_LONG"), "takes SLUICE_LONG=1")
    def test_redis_stops_for_35_s(self):
        self.stall(35, 36_000)

    def test_the_newest_tick_of_each_instrument_comes_out(self):
        rate = 10_000
        self.market(rate)
        file = self.ticker(types.SimpleNamespace(url=self.url), self.server, [],
                           source=f'instruments = "{self.listed}"', between=BREAKER)
        self.service = self.sluice(file, "ticker")
        self.await_flow(self.service, rate)
        subscriber = self.subscriber(self.server)
        self.server.pause()
        self.service.await_status(
            lambda now: now.metric("circuit_breaker", "state") == 1, 8, "it is open")
        time.sleep(1)
        self.sandbox.signal(signal.SIGSTOP)
        self.addCleanup(self.sandbox.signal, signal.SIGCONT)
        time.sleep(0.5)
        received = self.service.status().total["created"]
        self.server.resume()

        def all_are_out():
            newest = {channel: json.loads(payload)["seq"]
                      for channel, payload, _ in list(subscriber.messages)}
            return sum(newest.values()) == received

        wait_until(all_are_out, 3, "the newest of each")
        self.assertEqual(self.service.status().total["created"], received)


if __name__ == "__main__":
    main()
