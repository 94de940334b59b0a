"""More than a slowed Redis can take: how much is published on time, with and without control."""

import math
import os
import statistics
import time
import unittest

from harness import SINK, Case, main, wait_until
from process import SANITIZER

WITHIN = 0.25  # s from receipt to reply: published on time
SHARE = 0.9  # of the capacity, which is measured just before, on the same machine
# Asked for where nothing else runs, by SLUICE_LONG=1. Otherwise Redis and the pipeline lose their CPU
# for tens of milliseconds now and then, which nobody can control away: there it is half of it.
STRICT = os.environ.get("SLUICE_LONG") == "1"
SHARE_BUSY = 0.5
STEADY = 6 if STRICT else 4  # s
TIMES = 3 if STRICT else 1
READING = 0.5  # s: a status is asked for each 0.15 s, and the first comes before the load does
SETTLES, SETTLES_SLOWER = 1, 2  # s
CONTROL = """
[[stage]]
plugin = "adaptive_sampler"
mode = "{mode}"

[[stage]]
plugin = "load_shedder"

[[stage]]
plugin = "circuit_breaker"
"""
# Of pipelines/ticker.toml. The queue holds a second of what this Redis takes: without `max_delay`,
# what came in the 0.3 s until the sampler had turned down would be published, late, for a second.
QUEUE = 'when_full = "drop_oldest", max_delay = "20ms"'
# name: the stages between source and sink, the level's mode, and the queue
PIPELINES = {
    "none": (CONTROL.format(mode="adaptive"), "monitor", 'when_full = "drop_oldest"'),
    "fixed": (CONTROL.format(mode="fixed"), "enforce", QUEUE),
    "adaptive": (CONTROL.format(mode="adaptive"), "enforce", QUEUE),
}


def published(status):
    return status.stage(SINK)["count"]["published"]


def on_time(status):
    buckets = status.stage(SINK)["ages"]["buckets"]
    return next(each["count"] for each in buckets if each.get("le_s") == WITHIN)


def changes(status):
    return sum(each["count"] for each in status.document["level_changes"])


class Span:
    """What happened between two statuses; rates are a second's."""

    def __init__(self, first, last):
        seconds = last.document["uptime_s"] - first.document["uptime_s"]
        self.offered = (last.total["created"] - first.total["created"]) / seconds
        self.published = (published(last) - published(first)) / seconds
        self.goodput = (on_time(last) - on_time(first)) / seconds
        self.changes = changes(last) - changes(first)
        self.p99 = last.stage(SINK)["age"]["p99_s"]  # of its last second


def level_of(status):
    return status.document["level"]


def settled(seen, capacity):
    """When the first second began of which the goodput is SHARE of the capacity, in seconds since
    the first status; None: never."""
    begin = seen[0].document["uptime_s"]
    for i, first in enumerate(seen):
        last = next((each for each in seen[i:]
                     if each.document["uptime_s"] >= first.document["uptime_s"] + 1), None)
        if last and Span(first, last).goodput >= SHARE * capacity:
            return first.document["uptime_s"] - begin
    return None


def judged(seen, settles, capacity):
    """What happened once it had time to settle, and when it had."""
    begin = seen[0].document["uptime_s"] + settles
    row = Span(next(each for each in seen if each.document["uptime_s"] >= begin), seen[-1])
    row.capacity, row.settled, row.level = capacity, settled(seen, capacity), level_of(seen[-1])
    return row


class Goodput(Case):
    def setUp(self):
        self.server = self.redis()

    def pipeline(self, name, rate, between="", level="enforce", queue=QUEUE):
        file = self.write(f"{name}.toml", f"""
[pipeline]
name = "{name}"

[level]
mode = "{level}"

[[stage]]
plugin = "market_simulator"
count = 1000
rate = {rate:.0f}
burst = 1
{between}
[[stage]]
name = "{SINK}"
plugin = "redis_sink"
url = "{self.server.url}"
queue = {{ {queue} }}
""")
        return self.sluice(file, name)

    def span(self, service, seconds):
        first = service.status()
        time.sleep(seconds)
        return Span(first, service.status())

    def capacity(self):
        """What the Redis takes now of a source that waits for it."""
        service = self.pipeline("calibration", 1_000_000, level="monitor", queue='when_full = "block"')
        time.sleep(1)
        measured = self.span(service, 2).published
        service.kill()
        return measured

    def measure_again(self, row, share):
        """What the machine leaves for Redis changes: the row is judged by the less of before and
        after."""
        with self.server.burdened(200), self.server.slowed(share):
            row.capacity = min(row.capacity, self.capacity())

    def watch(self, service, seconds):
        """Statuses of so long, ten a second."""
        seen = [service.status()]
        while seen[-1].document["uptime_s"] < seen[0].document["uptime_s"] + seconds:
            time.sleep(0.1)
            seen.append(service.status())
        return seen

    def overload(self, name, times):
        """A row of the table: a pipeline under `times` what the Redis takes; and its service."""
        capacity = self.capacity()
        service = self.pipeline(name, times * capacity, *PIPELINES[name])
        seen = self.watch(service, STEADY)
        return judged(seen, SETTLES, capacity), service

    def test_at_twice_the_capacity(self):
        self.repeat("twice", self.twice, SETTLES)

    def twice(self):
        rows = {}
        with self.server.burdened(200), self.server.slowed(0.15):
            for name in PIPELINES:
                rows[name], service = self.overload(name, 2)
                if name != "adaptive":
                    service.kill()
        self.assert_recovers(service)
        self.assert_nothing_went_wrong(service)
        self.measure_again(rows["adaptive"], 0.15)
        self.show(rows)
        self.assertGreater(rows["adaptive"].goodput, rows["none"].goodput)
        return rows["adaptive"]

    @unittest.skipIf(SANITIZER == "thread", "TSan lets less through, however fast Redis is")
    def test_at_five_times_the_capacity(self):
        self.repeat("five times", self.five_times, SETTLES)

    def five_times(self):
        with self.server.burdened(200), self.server.slowed(0.15):
            row, service = self.overload("adaptive", 5)
        self.assert_recovers(service)
        self.assert_nothing_went_wrong(service)
        self.measure_again(row, 0.15)
        return row

    def test_redis_becomes_slower_by_two_and_a_half(self):
        self.repeat("slower", self.slower, SETTLES_SLOWER)

    def slower(self):
        with self.server.burdened(200):
            with self.server.slowed(0.1):
                slow = self.capacity()
            with self.server.slowed(0.25):
                fast = self.capacity()
                service = self.pipeline("adaptive", 1.3 * fast, *PIPELINES["adaptive"])
                time.sleep(3)
            with self.server.slowed(0.1):
                row = judged(self.watch(service, STEADY), SETTLES_SLOWER, slow)
        self.assertLess(slow, 0.6 * fast, "Redis became slower")
        self.assert_recovers(service)
        self.assert_nothing_went_wrong(service)
        self.measure_again(row, 0.1)
        return row

    def repeat(self, name, case, settles):
        rows = [case() for _ in range(TIMES)]
        self.show({f"{name} {i + 1}": row for i, row in enumerate(rows)})
        self.assert_on_time(rows, settles)

    def assert_on_time(self, rows, settles):
        """Of several rows the median: the machine's other work spoils one now and then."""
        share = statistics.median(row.goodput / row.capacity for row in rows)
        self.assertGreaterEqual(share, SHARE if STRICT else SHARE_BUSY)
        if STRICT:
            settled = statistics.median(math.inf if row.settled is None else row.settled
                                        for row in rows)
            self.assertLessEqual(settled, settles + READING)
        for row in rows:
            self.assertLessEqual(row.changes, 4)
            self.assertIn(row.level, ("CRITICAL", "OVERLOAD"))

    def assert_nothing_went_wrong(self, service):
        ended = self.assert_balanced(service)
        for cause in ("failed", "unknown"):
            self.assertEqual(ended.total[cause], 0)
        self.assert_ends_well(service)

    def assert_recovers(self, service):
        """Redis is as fast as it can: HEALTHY within 10 s, and then everything is kept."""
        service.await_status(lambda now: now.document["level"] == "HEALTHY", 10, "HEALTHY")

        def all_is_kept():
            before = service.status().total["dropped"]
            time.sleep(0.5)
            return service.status().total["dropped"] == before

        wait_until(all_is_kept, 5, "everything is kept again")

    @staticmethod
    def show(rows):
        print(f"\n{'':14}{'capacity/s':>12}{'offered/s':>12}{'published/s':>12}{'goodput/s':>12}"
              f"{'of capacity':>12}{'settled':>9}{'age p99':>9}{'changes':>9}")
        for name, row in rows.items():
            print(f"{name:14}{row.capacity:12,.0f}{row.offered:12,.0f}{row.published:12,.0f}"
                  f"{row.goodput:12,.0f}{row.goodput / row.capacity:12.2f}"
                  f"{'never' if row.settled is None else f'{row.settled:.1f} s':>9}"
                  f"{row.p99 * 1000:6.0f} ms{row.changes:9}")


if __name__ == "__main__":
    main()
