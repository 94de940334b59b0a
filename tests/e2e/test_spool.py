"""The spool: an outage of a real Redis that loses nothing, and a process killed in the middle."""

import collections
import glob
import json
import os
import random
import re
import signal
import struct
import time
import zlib

from harness import SINK, Case, main, wait_until
from process import SANITIZER, SLOWNESS
from redis_client import Recorder

LONG = os.environ.get("SLUICE_LONG") == "1"
RATE = 36_000 if LONG else 4_000  # ticks a second
OUTAGE = 35 if LONG else 6  # s; a breaker opens after 5
KILLS = 20 if LONG else 2
LATE = 0.25  # s from receipt to reply
SPOOL, BREAKER = "spool", "circuit_breaker"
TOKENS = [408065, 738561, 341249, 1270529, 779521]
MEMBER = re.compile(rb'"instrument_token":(\d+).*"seq":(\d+)')
PRICE = re.compile(rb'"instrument_token":(\d+),"last_price":([\d.]+)')
HEADER, FRAME = struct.Struct("<8sIIQ"), struct.Struct("<IIQQQqqIfBBHI")


def frames(folder):
    """(serial, key, payload) of every whole frame in the files, by the format in the README."""
    for name in sorted(glob.glob(f"{folder}/*.spool")):
        with open(name, "rb") as file:
            data = file.read()
        at = HEADER.size
        while at + FRAME.size <= len(data):
            checksum, size, serial, key, *_, schema, _ = FRAME.unpack_from(data, at)
            frame = data[at + 4:at + size]
            if size < FRAME.size or len(frame) != size - 4 or zlib.crc32(frame) != checksum:
                break
            yield serial, key, frame[FRAME.size - 4 + schema:]
            at += size


class Spool(Case):
    def await_spool(self, service, condition, limit, what):
        return service.await_status(
            lambda now: condition(lambda name: now.metric(SPOOL, name)), limit, what)


class Outage(Spool):
    def start_pipeline(self):
        self.server = self.redis()
        self.history = Recorder(self.server.port, os.path.join(self.folder, "history"))
        self.addCleanup(self.history.close)
        file = self.write("spooled.toml", f"""
[pipeline]
name = "spooled"

[[stage]]
name = "market"
plugin = "market_simulator"
rate = {RATE}
skew = 0
burst = 1
snapshot = false

[[stage]]
plugin = "{SPOOL}"
directory = "{self.folder}/spool"
replay_rate = {RATE * 3 // 2}
queue = {{ records = 10_000 }}

[[stage]]
plugin = "{BREAKER}"
on_open = "spill"
probe = "active"

[[stage]]
name = "{SINK}"
plugin = "redis_sink"
url = "{self.server.url}"
queue = {{ records = 10_000 }}
""")
        self.service = self.sluice(file, "spooled")
        self.service.await_status(
            lambda now: now.document["published_per_s"] > 0.9 * RATE, 20, "all is published")

    def stop_redis(self):
        """The last status while records still went to the files."""
        self.server.pause()
        ends = time.monotonic() + OUTAGE
        while time.monotonic() < ends:
            time.sleep(0.5)
            self.assert_balanced(self.service)
        self.assertEqual(self.service.status().metric(SPOOL, "spilling"), 1)
        self.server.resume()
        last = self.service.status()
        while (now := self.service.status()).metric(SPOOL, "spilling"):
            self.assertLess(time.monotonic(), ends + 10 * SLOWNESS, "it replays")
            last = now
        return last

    def assert_live_is_on_time(self, before, after):
        """Of what was published between, all was live but what was replayed and what was queued."""

        def counts(status):
            buckets = status.stage(SINK)["ages"]["buckets"]
            on_time = next(each["count"] for each in buckets if each.get("le_s") == LATE)
            return buckets[-1]["count"], buckets[-1]["count"] - on_time

        old = (after.metric(SPOOL, "replayed") - before.metric(SPOOL, "replayed") +
               before.stage(BREAKER)["held"] + before.stage(SINK)["held"])
        came, late = (new - then for new, then in zip(counts(after), counts(before)))
        live, late = came - old, max(late - old, 0)
        self.assertGreater(live, RATE)
        print(f"{late / live:.2%} of {live:.0f} live ticks were published later than {LATE} s")
        if not SANITIZER:
            self.assertLess(late / live, 0.01)

    def assert_history(self, status):
        """Every tick once, but what Redis was sent and did not answer; in order, what is live and
        what is replayed each by itself."""
        newest, newest_old = collections.Counter(), collections.Counter()
        seen = collections.defaultdict(set)
        for payload in self.history.payloads():
            token, seq = map(int, MEMBER.search(payload).groups())
            self.assertNotIn(seq, seen[token], "nothing comes twice")
            seen[token].add(seq)
            order = newest if seq > newest[token] else newest_old
            self.assertGreater(seq, order[token], "order per key")
            order[token] = seq
        received = sum(map(len, seen.values()))
        missing = sum(newest.values()) - received
        self.assertLessEqual(missing, status.total["unknown"])
        self.assertGreaterEqual(received, status.total["published"])

    def test_nothing_is_lost_and_live_ticks_are_on_time(self):
        self.start_pipeline()
        last = self.stop_redis()
        replays = time.monotonic()
        after = self.await_spool(self.service, lambda metric: metric("waiting") == 0,
                                 60, "all is replayed")
        replays = time.monotonic() - replays
        spooled = after.metric(SPOOL, "spooled")
        self.assertGreater(spooled, 0.5 * RATE * OUTAGE)
        print(f"\n{OUTAGE} s at {RATE:,}/s: {spooled:,.0f} spooled, replayed in {replays:.1f} s")
        self.assert_live_is_on_time(last, after)
        status = self.assert_balanced(self.service)
        for stage in (SPOOL, BREAKER, SINK):
            self.assertEqual(sum(status.stage(stage)["count"]["dropped"].values()), 0, stage)
        self.assertEqual(status.total["failed"], 0)
        self.assertLessEqual(status.total["unknown"], 400)
        self.assertEqual(status.metric(SPOOL, "replayed"), status.metric(SPOOL, "spooled"))
        self.assertEqual(status.metric(SPOOL, "lost") + status.metric(SPOOL, "refused"), 0)
        status = self.service.status()
        self.assert_ends_well(self.service)
        time.sleep(0.2)
        self.history.close()
        self.assert_history(status)
        self.assertEqual(glob.glob(f"{self.folder}/spool/*.spool"), [])


class Killed(Spool):
    def start_pipeline(self):
        return self.sluice(self.file, "ticker")

    def remember(self, least):
        """What the files of a process that was killed hold; of its own, at least `least`."""
        found = {serial: (key, struct.unpack_from(">I", payload, 4)[0])
                 for serial, key, payload in frames(f"{self.folder}/spool")}
        self.assertGreaterEqual(sum(serial > self.newest for serial in found), least)
        self.newest = max(found, default=self.newest)
        self.spooled.update(found.values())

    def round(self, number):
        """Redis hangs, records are spooled, and the process is killed: in the outage, or while it
        replays."""
        self.server.pause()
        service = self.start_pipeline()
        more = 200 + self.random.randrange(1_000)
        status = self.await_spool(service, lambda metric: metric("spooled") >= more, 20, "spooled")
        if number % 2:
            self.server.resume()
            sent = self.random.randrange(1, 100)
            status = self.await_spool(service, lambda metric: metric("replayed") >= sent, 20,
                                      "it replays")
        service.signal(signal.SIGKILL)
        service.wait(10)
        replayed = status.metric(SPOOL, "replayed")
        self.remember(status.metric(SPOOL, "spooled") - replayed)

    def test_what_was_spooled_outlives_kill_9(self):
        seed = int(os.environ.get("SLUICE_TEST_SEED", random.randrange(1 << 32)))
        print(f"\nseed {seed}")
        self.random = random.Random(seed)
        self.spooled, self.newest = set(), 0
        self.server, kite = self.redis(), self.feed()
        # A slow replay, so that it is killed in the middle.
        self.file = self.ticker(
            kite, self.server, TOKENS, sink="queue = { records = 200 }",
            between=f'[[stage]]\nplugin = "{SPOOL}"\ndirectory = "{self.folder}/spool"\n'
                    'replay_rate = 500\nsegment_size = "64KiB"\nqueue = { records = 10_000 }\n')
        subscriber = self.subscriber(self.server)
        ticks = self.ticking(kite, TOKENS, 0.003)
        for number in range(KILLS):
            self.round(number)
        ticks.stop()
        self.server.resume()
        with open(self.file, encoding="utf-8") as file:
            text = file.read()
        self.write("ticker.toml", text.replace("replay_rate = 500\n", ""))
        service = self.start_pipeline()
        self.await_spool(service, lambda metric: metric("waiting") == 0, 30, "all is replayed")
        self.assert_balanced(service)
        self.assert_ends_well(service)
        prices = collections.Counter()

        def all_came():
            prices.clear()
            for _, payload, _ in list(subscriber.messages):
                token, price = PRICE.search(payload).groups()
                prices[int(token), round(float(price) * 100)] += 1
            return self.spooled <= prices.keys()

        wait_until(all_came, 10, "what was spooled has come")
        twice = sum(count - 1 for count in prices.values())
        print(f"killed {KILLS} times: {len(self.spooled)} were spooled, {twice} came again")
        self.assertGreater(len(self.spooled), 100 * KILLS)


if __name__ == "__main__":
    main()
