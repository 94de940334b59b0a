"""Two processes share a stream by a consumer group: what one leaves the other takes over, what the
sink loses is tried again, what nobody can take becomes a dead letter."""

import collections
import json
import os
import random
import socket
import threading
import time

from harness import SINK, Case, main, wait_until
from kite_feed import frame, full_packet
from process import SLOWNESS
from redis_client import encode, read_reply
from redis_nodes import Cluster
from redis_sentinels import SentinelGroup, role

LONG = os.environ.get("SLUICE_LONG") == "1"
KILLS = 20 if LONG else 2
TOKENS = [408065, 738561, 341249]
ENTRIES = "entries"
GROUP = "workers"
PAUSE = 2  # s; longer than the sink's timeout
FIRST_ENTRY_LIMIT = 3  # s from the promotion; how soon that comes is the election's


class StreamSource(Case):
    def setUp(self):
        self.inlet = self.redis()
        self.written = 0

    def add(self, count, size=0):
        """Entries whose payload is their number, and `size` bytes more."""
        commands = b"".join(
            encode("XADD", "in", "*", "key", number % 7, "data", f"{number}" + "x" * size)
            for number in range(self.written, self.written + count))
        with socket.create_connection(("127.0.0.1", self.inlet.port), timeout=10) as connection:
            connection.sendall(commands)
            with connection.makefile("rb") as stream:
                for _ in range(count):
                    read_reply(stream)
        self.written += count

    def add_until(self, over):
        while not over.is_set():
            self.add(500)

    def worker(self, name, outlet=None, keys="", sink="", publish=None, url=None, codecs=(),
               form="raw"):
        """It reads from `url`, or from the inlet, and writes to a stream of its name, unless
        `publish` says where to instead."""
        to = publish or f'mode = "stream"\nchannel = "out:{name}"'
        file = self.write(f"{name}.toml", f"""
[pipeline]
name = "{name}"
codecs = {json.dumps(codecs)}

[[stage]]
name = "{ENTRIES}"
plugin = "redis_stream_source"
url = "{url or self.inlet.url}"
stream = "in"
group = "{GROUP}"
claim_idle = "1s"
block = "100ms"
{keys}

[[stage]]
name = "{SINK}"
plugin = "redis_sink"
url = "{(outlet or self.inlet).url}"
{to}
format = "{form}"
stream_length = 10_000_000
{sink}
""")
        return self.sluice(file, name)

    def done(self, name, outlet=None):
        """The numbers that a worker wrote, in order."""
        entries = (outlet or self.inlet).command("XRANGE", f"out:{name}", "-", "+")
        return [int(fields[-1].rstrip(b"x")) for _, fields in entries]

    def await_all_acknowledged(self, limit):
        def nothing_left():
            groups = self.inlet.command("XINFO", "GROUPS", "in")
            if not groups or self.inlet.command("XPENDING", "in", GROUP)[0] != 0:
                return False  # a worker that has just begun makes the group
            (group,) = groups
            last = group[group.index(b"last-delivered-id") + 1]
            return last == self.inlet.command("XREVRANGE", "in", "+", "-", "COUNT", 1)[0][0]

        wait_until(nothing_left, limit, "all is read and acknowledged")

    def pending_of(self, worker):
        """How many entries it has read and not acknowledged."""
        names = self.inlet.command("XPENDING", "in", GROUP)[3] or []
        return sum(int(count) for name, count in names
                   if name.decode().endswith(f":{worker.pid}"))

    def dead(self):
        return self.inlet.command("XRANGE", "in:dead", "-", "+")


class Ticks(StreamSource):
    def test_ticks_come_out_of_a_stream_as_they_went_in(self):
        kite = self.feed()
        file = self.ticker(kite, self.inlet, TOKENS,
                           sink='mode = "stream"\nchannel = "in"\nformat = "raw"')
        ticker = self.sluice(file, "ticker")
        wait_until(lambda: kite.subscribed() == len(TOKENS), 10, "it subscribed")
        subscriber = self.subscriber(self.inlet, "tick:*")
        worker = self.worker("one", sink="", outlet=self.inlet, publish='channel = "tick:{key}"')
        packets = {token: [full_packet(token, 100_000 + 5 * step) for step in range(100)]
                   for token in TOKENS}
        for step in range(100):
            kite.send(frame([packets[token][step] for token in TOKENS]))
        wait_until(lambda: subscriber.count == 300, 20, "all come out")
        for token in TOKENS:
            self.assertEqual([payload for channel, payload, _ in subscriber.messages
                              if channel == f"tick:{token}"], packets[token])
        (_, fields), = self.inlet.command("XREVRANGE", "in", "+", "-", "COUNT", 1)
        self.assertEqual(fields[::2], [b"key", b"schema", b"data"])
        self.assertEqual(fields[3], b"kite.tick/1")
        self.await_all_acknowledged(10)
        for each in (worker, ticker):
            self.assert_balanced(each)
            self.assert_ends_well(each)

    def test_what_the_keys_are_comes_out_too(self):
        types = {408065: ("INFY", "EQ", "NSE", "equity"),
                 8961026: ("NIFTY24DEC", "FUT", "NFO-FUT", "futures"),
                 10438914: ("NIFTY24DEC24000CE", "CE", "NFO-OPT", "options")}
        rows = [f"{token},1,{symbol},NAME,0,2024-12-26,0,0.05,1,{kind},{segment},NSE"
                for token, (symbol, kind, segment, _) in types.items()]
        instruments = self.write("instruments.csv", "\n".join([
            "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,"
            "lot_size,instrument_type,segment,exchange", *rows, ""]))
        kite = self.feed()
        ticker = self.sluice(
            self.ticker(kite, self.inlet, list(types), source=f'instruments = "{instruments}"',
                        sink='mode = "stream"\nchannel = "in"\nformat = "raw"\n'
                             'attributes = ["type", "symbol"]'), "ticker")
        wait_until(lambda: kite.subscribed() == len(types), 10, "it subscribed")
        subscriber = self.subscriber(self.inlet, "*:*")
        worker = self.worker("one", keys='attributes = ["type", "symbol"]',
                             publish='channel = "ticker:{type}:{key}"', sink=f"""
[[stage]]
name = "options"
plugin = "redis_sink"
from = ["{ENTRIES}"]
where = {{ type = "options" }}
url = "{self.inlet.url}"
channel = "options:{{symbol}}"
format = "raw"
""")
        steps = 50
        for step in range(steps):
            kite.send(frame([full_packet(token, 100_000 + 5 * step) for token in types]))
        wait_until(lambda: subscriber.count == (len(types) + 1) * steps, 20, "all come out")
        expected = {f"ticker:{kind}:{token}": steps for token, (*_, kind) in types.items()}
        expected["options:NIFTY24DEC24000CE"] = steps
        self.assertEqual(collections.Counter(channel for channel, *_ in subscriber.messages),
                         expected)
        self.await_all_acknowledged(10)
        for each in (worker, ticker):
            self.assert_balanced(each)
            self.assert_ends_well(each)


    def test_they_are_json_by_the_codec_of_a_plugin_that_is_no_stage(self):
        token = TOKENS[0]
        kite = self.feed()
        ticker = self.sluice(
            self.ticker(kite, self.inlet, [token],
                        sink='mode = "stream"\nchannel = "in"\nformat = "raw"'), "ticker")
        wait_until(lambda: kite.subscribed() == 1, 10, "it subscribed")
        subscriber = self.subscriber(self.inlet, "tick:*")
        worker = self.worker("one", publish='channel = "tick:{key}"', codecs=["kite_source"],
                             form="json")
        for step in range(50):
            kite.send(frame([full_packet(token, 100_000 + 5 * step)]))
        wait_until(lambda: subscriber.count == 50, 20, "all come out")
        ticks = [json.loads(payload) for _, payload, _ in subscriber.messages]
        self.assertEqual([tick["last_price"] for tick in ticks],
                         [(100_000 + 5 * step) / 100 for step in range(50)])
        self.assertEqual({tick["instrument_token"] for tick in ticks}, {token})
        self.await_all_acknowledged(10)
        for each in (worker, ticker):
            self.assert_balanced(each)
            self.assert_ends_well(each)


class Shared(StreamSource):
    def test_two_share_the_work_in_order_and_nothing_comes_twice(self):
        self.add(100)  # before the group is there
        workers = [self.worker(name, keys="batch = 10") for name in ("one", "two")]
        for _ in range(20):
            self.add(100)
            time.sleep(0.02)
        self.await_all_acknowledged(20)
        parts = [self.done(name) for name in ("one", "two")]
        for part in parts:
            self.assertGreater(len(part), 100)
            self.assertEqual(part, sorted(part))
        self.assertEqual(sorted(parts[0] + parts[1]), list(range(self.written)))
        self.assertEqual(self.dead(), [])
        acknowledged = sum(each.status().metric(ENTRIES, "acknowledged") for each in workers)
        self.assertEqual(acknowledged, self.written)
        for each in workers:
            self.assert_balanced(each)
            self.assert_ends_well(each)

    def test_what_a_killed_one_left_the_other_takes_over(self):
        seed = int(os.environ.get("SLUICE_SEED", random.SystemRandom().randrange(2**32)))
        print(f"seed {seed}", flush=True)
        pick = random.Random(seed)
        names = ["one", "two"]
        keys = "max_deliveries = 1000"
        workers = {name: self.worker(name, keys=keys) for name in names}
        left = 0
        for _ in range(KILLS):
            name = pick.choice(names)
            over = threading.Event()
            adding = threading.Thread(target=self.add_until, args=(over,))
            adding.start()
            try:
                wait_until(lambda: self.pending_of(workers[name]) > 0, 10, f"{name} is at work")
                time.sleep(pick.random() * 0.05)
                workers[name].kill()
            finally:
                over.set()
                adding.join()
            left += self.pending_of(workers[name])
            time.sleep(pick.random() * 1.5)
            workers[name] = self.worker(name, keys=keys)
        self.await_all_acknowledged(30)
        times = collections.Counter(self.done("one") + self.done("two"))
        twice = sum(count - 1 for count in times.values())
        print(f"killed {KILLS} times: {self.written} entries, {left} were left, {twice} came again",
              flush=True)
        if KILLS > 2:
            self.assertGreater(left, 0)
        self.assertEqual(sorted(times), list(range(self.written)))
        self.assertEqual(self.dead(), [])


class Trouble(StreamSource):
    def test_what_the_sink_loses_is_tried_again(self):
        outlet = self.redis()
        worker = self.worker("one", outlet, sink='timeout = "300ms"', keys="batch = 50")
        self.add(200)
        wait_until(lambda: len(self.done("one", outlet)) == 200, 10, "they come")
        outlet.pause()
        try:
            self.add(300)
            time.sleep(PAUSE)
        finally:
            outlet.resume()
        self.await_all_acknowledged(30)
        times = collections.Counter(self.done("one", outlet))
        self.assertEqual(sorted(times), list(range(self.written)))
        self.assertGreater(worker.status().metric(ENTRIES, "retried"), 0)
        self.assertEqual(self.dead(), [])
        self.assert_balanced(worker)

    def test_what_nobody_can_take_is_a_dead_letter_and_its_neighbours_are_not(self):
        self.add(20)
        self.add(1, size=500)
        self.add(20)
        self.inlet.command("XADD", "in", "*", "other", "field")
        worker = self.worker("one", sink="message_max = 100")
        self.await_all_acknowledged(20)
        self.assertEqual(sorted(set(self.done("one"))),
                         [number for number in range(self.written) if number != 20])
        letters = [dict(zip(fields[::2], fields[1::2])) for _, fields in self.dead()]
        self.assertEqual([each[b"data"][:3] for each in letters], [b"20x", b""])
        self.assertEqual(letters[0][b"stream"], b"in")
        self.assertEqual(self.inlet.command("XRANGE", "in", letters[0][b"id"], letters[0][b"id"])
                         [0][1][3], letters[0][b"data"])
        self.assertEqual(worker.status().metric(ENTRIES, "dead_letters"), 2)
        self.assert_balanced(worker)

    def test_redis_comes_back_and_a_group_that_is_gone_is_made_again(self):
        worker = self.worker("one", keys='timeout = "500ms"')
        self.add(50)
        self.await_all_acknowledged(10)
        self.inlet.kill()
        self.inlet.start()  # it has forgotten all
        self.add(50)
        wait_until(lambda: sorted(self.done("one")) == list(range(50, 100)), 20, "they come")
        self.await_all_acknowledged(10)
        self.assert_balanced(worker)
        self.assertIn("disconnected", worker.log)


class BehindSentinels(StreamSource):
    def setUp(self):
        self.group = SentinelGroup(self.folder)
        self.addCleanup(self.group.close)
        self.inlet = self.group.master
        self.written = 0

    def test_the_master_is_killed(self):
        old, new = self.group.master, self.group.replica
        outlet = self.redis()
        worker = self.worker("one", outlet, url=self.group.url)
        self.add(200)
        wait_until(lambda: len(self.done("one", outlet)) == 200, 20, "they come")
        over = threading.Event()
        adding = threading.Thread(target=self.add_until_refused, args=(over,))
        adding.start()
        try:
            wait_until(lambda: self.pending_of(worker) > 0, 10, "it is at work")
        finally:
            old.kill()
            killed = time.monotonic()
            over.set()
            adding.join()
        wait_until(lambda: role(new)[0] == b"master", 20, "the replica is promoted")
        promoted = time.monotonic()
        self.inlet = new
        self.add(1)
        mark = self.written - 1
        wait_until(lambda: mark in self.done("one", outlet), 20, "it reads from the new master")
        now = time.monotonic()
        print(f"first entry from the new master {now - killed:.2f} s after kill -9, "
              f"{now - promoted:.2f} s after the promotion", flush=True)
        self.assertLess(now - promoted, FIRST_ENTRY_LIMIT * SLOWNESS)
        self.add(200)
        self.await_all_acknowledged(20)
        there = {int(fields[-1]) for _, fields in new.command("XRANGE", "in", "-", "+")}
        times = collections.Counter(self.done("one", outlet))
        self.assertEqual(there - set(times), set(), "what the new master has was processed")
        print(f"{len(there)} entries, {sum(times.values()) - len(times)} came again", flush=True)
        self.assertEqual(self.dead(), [])
        self.assert_balanced(worker)
        self.assertIn(f"the master at 127.0.0.1:{new.port}", worker.log)
        self.assert_ends_well(worker)

    def add_until_refused(self, over):
        """Numbers are counted as used, whether they were taken or not."""
        while not over.is_set():
            try:
                self.add(500)
            except (OSError, EOFError):
                self.written += 500
                return

    def test_a_failover_on_command_is_followed_before_the_old_master_is_made_a_replica(self):
        outlet = self.redis()
        worker = self.worker("one", outlet, url=self.group.url)
        self.add(200)
        self.await_all_acknowledged(20)
        new = self.group.replica
        self.group.sentinels[0].command("SENTINEL", "FAILOVER", "prices")
        wait_until(lambda: f"a sentinel says that the master is 127.0.0.1:{new.port} now"
                   in worker.log, 20, "it follows the failover")
        self.inlet = new
        self.add(200)
        self.await_all_acknowledged(20)
        self.assertEqual(set(self.done("one", outlet)), set(range(400)))
        self.assert_balanced(worker)
        self.assert_ends_well(worker)


class InCluster(StreamSource):
    """Ticks go to a stream of the cluster, and from there to a stream of another Redis."""

    def setUp(self):
        self.cluster = Cluster(self.folder)
        self.addCleanup(self.cluster.close)
        self.slot = self.cluster.slot("in")
        self.inlet = self.cluster.owner(self.slot)
        self.outlet = self.redis()
        kite = self.feed()
        file = self.ticker(kite, self.cluster, TOKENS, sink='mode = "stream"\nchannel = "in"\n'
                           'format = "raw"\nretry = "at_least_once"')
        self.ticker_service = self.sluice(file, "ticker")
        wait_until(lambda: kite.subscribed() == len(TOKENS), 10, "it subscribed")
        self.worker_service = self.worker("one", self.outlet, url=self.cluster.url)
        self.ticks = self.ticking(kite, TOKENS, 0.005)

    def came(self):
        return self.outlet.command("XLEN", "out:one")

    def await_more(self, what):
        before = self.came()
        wait_until(lambda: self.came() > before + 100, 20, what)

    def assert_all_processed(self):
        """What the stream has was written by the worker; the rest is what came again."""
        self.ticks.stop()

        def accounted_for(now):
            count = now.stage(SINK)["count"]  # what nobody took for too long it has dropped
            return count["published"] + sum(count["dropped"].values()) == self.ticks.sent

        self.ticker_service.await_status(accounted_for, 20, "every tick is in the stream, or not")
        self.await_all_acknowledged(20)
        there = {fields[-1] for _, fields in self.inlet.command("XRANGE", "in", "-", "+")}
        times = collections.Counter(
            fields[-1] for _, fields in self.outlet.command("XRANGE", "out:one", "-", "+"))
        self.assertEqual(there - set(times), set())
        print(f"{len(there)} entries, {sum(times.values()) - len(times)} came again", flush=True)
        for each in (self.worker_service, self.ticker_service):
            self.assert_balanced(each)
            self.assert_ends_well(each)
        return there

    def test_the_slot_moves_under_load(self):
        for _ in range(3):
            self.await_more("entries come")
            source = self.inlet
            self.inlet = next(each for each in self.cluster.serving() if each is not source)
            self.cluster.move(self.slot, self.inlet)
            wait_until(lambda: f"served by 127.0.0.1:{self.inlet.port}" in self.worker_service.log,
                       20, "it follows the slot")
        self.await_more("entries come from the slot's last node")
        self.assertEqual(len(self.assert_all_processed()), self.ticks.sent)
        self.assertNotIn("disconnected", self.worker_service.log)

    def test_the_node_is_killed(self):
        self.await_more("entries come")
        old, self.inlet = self.inlet, self.cluster.replica_of(self.inlet)
        old.kill()
        killed = time.monotonic()
        wait_until(lambda: role(self.inlet)[0] == b"master", 20, "it is replaced")
        promoted = time.monotonic()
        before = self.came()
        wait_until(lambda: self.came() > before, 20, "entries come from the new master")
        now = time.monotonic()
        print(f"first entry from the new master {now - killed:.2f} s after kill -9, "
              f"{now - promoted:.2f} s after the promotion", flush=True)
        self.assertLess(now - promoted, FIRST_ENTRY_LIMIT * SLOWNESS)
        self.await_more("entries go on to come")
        self.assert_all_processed()
        self.assertIn("disconnected", self.worker_service.log)


if __name__ == "__main__":
    main()
