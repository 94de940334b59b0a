"""The n-th call of a kind fails, for n from 1 until a run in which it is not made any more: a clear
error before it runs, recovery or an end with an error while it runs, never a crash or a hang, and a
ledger that is exact.

The short form tries few n of each kind. SLUICE_LONG=1 tries them all, of allocations the first 2,000
and then every 50th.
"""

import itertools
import os
import re
import unittest
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from harness import Case, main
from process import SANITIZER, wait_until

LONG = "SLUICE_LONG" in os.environ
TOKENS = [408065, 738561]
ENOUGH = 20
DONE, FAILURE, DRAINED_WITH_LOSS, BAD_CONFIGURATION = 0, 1, 75, 78
# What an end with an error must say, of one kind or another.
WORDS = {
    "socket": "Too many open files",
    "connect": "Network is unreachable",
    "accept": "Too many open files",
    "send": "reset",
    "receive": "reset",
    "open": "Too many open files",
    "dlopen": r"cannot be loaded: .*nowhere\.so",
    "allocation": "memory|bad_alloc|the host refused",
}


def numbers(kind):
    """The n to try: all, or ever fewer."""
    if not LONG:
        yield from itertools.takewhile(lambda n: n < 20_000, fibonacci())
    elif kind == "allocation":
        yield from itertools.chain(range(1, 2_001), range(2_050, 1_000_000, 50))
    else:
        yield from itertools.count(1)


def fibonacci():
    one, next_one = 1, 2
    while True:
        yield one
        one, next_one = next_one, one + next_one


def amount(log, name):
    """Of the final balance."""
    found = re.search(rf"^[ -]+{name}\b.* ([\d,]+)$", log, re.M)
    return int(found[1].replace(",", "")) if found else 0


class FailingCalls(Case):
    """Runs of a pipeline, in each of which one call fails."""

    def setUp(self):
        self.server = self.redis()
        self.ends = Counter()  # of the runs in which the call failed

    def one(self, kind, n):
        """One run. False: the call was not made so often."""
        raise NotImplementedError

    def run_failing(self, file, name, kind, n, await_work):
        """Runs it while `await_work` waits, which gets the process and whether the call has failed.
        Its log, and whether it did fail."""
        said = os.path.join(self.folder, f"{name}.said")
        running = self.start(file, name, {
            "LD_PRELOAD": os.environ["SLUICE_FAILING_CALL"],
            "SLUICE_FAIL": kind, "SLUICE_FAIL_NTH": str(n), "SLUICE_FAIL_SAID": said})
        try:
            await_work(running, lambda: os.path.exists(said))
            ended_by_itself = not running.running
            code = running.wait(20) if ended_by_itself else running.stop(20)
        finally:
            running.kill()
        failed = os.path.exists(said)
        if failed:
            self.ends[kind, "recovered" if code in (DONE, DRAINED_WITH_LOSS) else "ended"] += 1
        self.judge(running.log, kind, code, failed, ended_by_itself)
        return running.log, failed

    def judge(self, log, kind, code, failed, ended_by_itself):
        if ended_by_itself or code == FAILURE:
            self.assertTrue(failed, log)
            self.assertIn(code, (FAILURE, BAD_CONFIGURATION), log)
            self.assertRegex(log, WORDS[kind])
        else:
            self.assertIn(code, (DONE, DRAINED_WITH_LOSS), log)
            self.assertIn("balance of", log)
        if "balance of" in log:
            self.assertRegex(log, r"imbalance\W+0\b")

    def sweep(self, kind):
        """Some at once, for they wait more than they work."""
        def each(n):
            with self.subTest(kind=kind, n=n):
                return self.one(kind, n)
            return True  # it failed, and is told

        tried = numbers(kind)
        with ThreadPoolExecutor(8) as at_once:
            while batch := list(itertools.islice(tried, 8)):
                if not all(at_once.map(each, batch)):
                    return batch[-1]
        self.assertFalse(LONG, f"{kind}: it never ended")
        return batch

    def sweep_all(self, kinds):
        for kind in kinds:
            last = self.sweep(kind)
            print(f"{kind}: up to call {last}, recovered from {self.ends[kind, 'recovered']}, ended "
                  f"with an error {self.ends[kind, 'ended']} times", flush=True)


@unittest.skipIf(SANITIZER, "a sanitizer has calls of its own")
class Publishing(FailingCalls):
    """From a feed to a channel: what the ledger says is what a subscriber has."""

    def pipeline(self, name, feed):
        return self.write(f"{name}.toml", f"""
[pipeline]
name = "{name}"

[[stage]]
plugin = "kite_source"
url = "{feed.url}"
api_key = "key"
access_token = "token"
tokens = {[str(token) for token in TOKENS]}
backoff_first = "20ms"
backoff_max = "50ms"

[[stage]]
plugin = "adaptive_sampler"

[[stage]]
plugin = "circuit_breaker"

[[stage]]
name = "redis"
plugin = "redis_sink"
url = "{self.server.url}"
channel = "{name}:{{key}}"

[[service]]
plugin = "http_admin"
listen = "127.0.0.1:0"
""")

    def one(self, kind, n):
        name = f"{kind}_{n}"
        feed = self.feed()
        subscriber = self.subscriber(self.server, f"{name}:*", keep=False)
        ticking = self.ticking(feed, TOKENS, 0.005)
        try:
            log, failed = self.run_failing(
                self.pipeline(name, feed), name, kind, n,
                lambda running, has_failed: self.flows_or_ends(running, subscriber, has_failed))
        finally:
            ticking.stop()
            feed.close()
        if "balance of" in log:
            published, unknown = amount(log, "published"), amount(log, "unknown")
            wait_until(lambda: subscriber.count >= published, 5, "what was published is received")
            self.assertLessEqual(subscriber.count, published + unknown, log)
        subscriber.close()
        return failed

    def flows_or_ends(self, running, subscriber, has_failed):
        """Ticks flow, and flow again after the failure if it came while they did."""
        def flow(count):
            goal = subscriber.count + count
            wait_until(lambda: not running.running or subscriber.count >= goal, 20, "ticks flow")

        flow(ENOUGH)
        if has_failed():
            flow(ENOUGH)

    def test_calls(self):
        self.sweep_all(sorted(WORDS))


@unittest.skipIf(SANITIZER, "a sanitizer has calls of its own")
class Consuming(FailingCalls):
    """From a stream to another: each entry is processed at least once, if need be by the next
    process."""

    def pipeline(self, name):
        return self.write(f"{name}.toml", f"""
[pipeline]
name = "{name}"

[[stage]]
plugin = "redis_stream_source"
url = "{self.server.url}"
stream = "{name}:in"
claim_idle = "1s"
block = "50ms"

[[stage]]
name = "redis"
plugin = "redis_sink"
url = "{self.server.url}"
mode = "stream"
channel = "{name}:out"
format = "raw"
""")

    def one(self, kind, n):
        name = f"stream_{kind}_{n}"
        written = 0

        def work_or_end(running, has_failed):
            nonlocal written
            for _ in range(2):
                for _ in range(ENOUGH):
                    self.server.command("XADD", f"{name}:in", "*", "data", written)
                    written += 1
                wait_until(lambda: not running.running or len(self.done(name)) == written, 20,
                           "entries are processed")
                if not has_failed():
                    break

        file = self.pipeline(name)
        _, failed = self.run_failing(file, name, kind, n, work_or_end)
        if len(self.done(name)) < written:
            heir = self.start(file, name)
            wait_until(lambda: len(self.done(name)) == written, 20, "the next one takes over")
            heir.stop()
        return failed

    def done(self, name):
        entries = self.server.command("XRANGE", f"{name}:out", "-", "+")
        return {dict(zip(fields[::2], fields[1::2]))[b"data"] for _, fields in entries}

    def test_calls(self):
        self.sweep_all(["connect", "receive", "send", "socket"])


if __name__ == "__main__":
    main()
