"""Twice what a slowed Redis can take: how much is published on time, with and without control."""

import time

from harness import SINK, Case, main, wait_until

WITHIN = 0.25  # s from receipt to reply: published on time
SETTLE, STEADY = 5, 10  # s
CONTROL = """
[[stage]]
plugin = "adaptive_sampler"
mode = "{mode}"

[[stage]]
plugin = "load_shedder"

[[stage]]
plugin = "circuit_breaker"
"""
# name: the stages between source and sink, and the level's mode
PIPELINES = {
    "none": (CONTROL.format(mode="adaptive"), "monitor"),
    "fixed": (CONTROL.format(mode="fixed"), "enforce"),
    "adaptive": (CONTROL.format(mode="adaptive"), "enforce"),
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


class Goodput(Case):
    def setUp(self):
        self.server = self.redis()

    def pipeline(self, name, rate, between="", level="enforce", queue="drop_oldest"):
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
queue = {{ when_full = "{queue}" }}
""")
        return self.sluice(file, name)

    def span(self, service, seconds):
        first = service.status()
        time.sleep(seconds)
        return Span(first, service.status())

    def capacity(self):
        """What the Redis takes now of a source that waits for it."""
        service = self.pipeline("calibration", 1_000_000, level="monitor", queue="block")
        time.sleep(1)
        measured = self.span(service, 3).published
        service.kill()
        return measured

    def test_at_twice_the_capacity(self):
        rows = {}
        with self.server.burdened(200), self.server.slowed(0.15):
            for name, (between, level) in PIPELINES.items():
                capacity = self.capacity()
                service = self.pipeline(name, 2 * capacity, between, level)
                time.sleep(SETTLE)
                rows[name] = self.span(service, STEADY)
                rows[name].capacity = capacity
                during = service.status()
                if name != "adaptive":
                    service.kill()
        self.show(rows)
        self.assert_recovers(service)

        adaptive = rows["adaptive"]
        self.assertGreaterEqual(adaptive.goodput, 0.8 * min(row.capacity for row in rows.values()))
        self.assertGreater(adaptive.goodput, rows["none"].goodput)
        self.assertLessEqual(adaptive.changes, 4)
        self.assertIn(during.document["level"], ("CRITICAL", "OVERLOAD"))
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
        print(f"\n{'':10}{'capacity/s':>12}{'offered/s':>12}{'published/s':>12}{'goodput/s':>12}"
              f"{'of capacity':>12}{'age p99':>9}{'changes':>9}")
        for name, row in rows.items():
            print(f"{name:10}{row.capacity:12,.0f}{row.offered:12,.0f}{row.published:12,.0f}"
                  f"{row.goodput:12,.0f}{row.goodput / row.capacity:12.2f}"
                  f"{row.p99 * 1000:6.0f} ms{row.changes:9}")


if __name__ == "__main__":
    main()
