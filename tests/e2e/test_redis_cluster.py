"""Redis Cluster: ticks reach the node that serves their channel's slot, while slots move and masters
die; order per key holds, and what was lost is counted."""

import json
import shutil
import tempfile
import time

from harness import SINK, Case, main, wait_until
from process import SLOWNESS
from redis_nodes import Cluster, ShardSubscriber

TOKENS = [408065, 738561, 341249, 1270529, 779521, 895745, 4267265, 2953217]
FIRST_TICK_LIMIT = 5  # seconds from kill -9, with a node timeout of 1 s


def numbers(messages):
    return [json.loads(payload)["seq"] for _, payload, _ in messages]


class RedisCluster(Case):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="sluice-e2e-cluster-")
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        cls.cluster = Cluster(folder)
        cls.addClassCleanup(cls.cluster.close)

    def run_ticker(self, sink):
        self.kite = self.feed()
        file = self.ticker(self.kite, self.cluster, TOKENS, sink=sink)
        service = self.sluice(file, "ticker")
        wait_until(lambda: self.kite.subscribed() == len(TOKENS), 10, "it subscribed")
        return service

    def listen(self, node, channel):
        made = ShardSubscriber(node, channel)
        self.addCleanup(made.close)
        return made

    def await_accounts(self, service, ticks):
        """The sink's counts once every tick is accounted for."""

        def done(now):
            count = now.stage(SINK)["count"]
            ends = count["published"] + count["failed"] + count["unknown"]
            return (now.total["created"] == ticks.sent
                    and ends + sum(count["dropped"].values()) == ticks.sent)

        status = service.await_status(done, 20, "every tick is accounted for")
        self.assertTrue(status.balanced)
        return status.stage(SINK)["count"]

    def test_a_slot_moves_under_load(self):
        service = self.run_ticker('mode = "stream"\nchannel = "moving:{key}"')
        ticks = self.ticking(self.kite, TOKENS, 0.005)
        streams = [f"moving:{token}" for token in TOKENS]
        moves = 3
        for stream in streams[:moves]:
            slot = self.cluster.slot(stream)
            source = self.cluster.owner(slot)
            wait_until(lambda: source.command("EXISTS", stream), 20, "ticks reach the stream")
            to = next(each for each in self.cluster.serving() if each is not source)
            self.cluster.move(slot, to)
            length = to.command("XLEN", stream)
            wait_until(lambda: to.command("XLEN", stream) > length + 50, 20,
                       "ticks reach the slot's new node")
            self.assertIn("cmdstat_asking", to.command("INFO", "commandstats").decode())
        ticks.stop()
        count = self.await_accounts(service, ticks)
        self.assertEqual(count["published"], ticks.sent)
        kept = 0
        for stream in streams:
            entries = self.cluster.owner(self.cluster.slot(stream)).command("XRANGE", stream, "-", "+")
            seen = [json.loads(fields[-1])["seq"] for _, fields in entries]
            self.assertEqual(seen, list(range(1, len(seen) + 1)), f"{stream}: gap, order or twice")
            kept += len(seen)
        self.assertEqual(kept, ticks.sent)
        print(f"{moves} slots moved, all {kept} ticks there, in order")
        self.assert_ends_well(service)

    def test_a_sharded_channel_moves_under_load(self):
        service = self.run_ticker('channel = "shard:{key}"')
        channel = f"shard:{TOKENS[0]}"
        slot = self.cluster.slot(channel)
        source = self.cluster.owner(slot)
        before = self.listen(source, channel)
        ticks = self.ticking(self.kite, TOKENS, 0.005)
        wait_until(lambda: len(before.messages) > 50, 20, "ticks reach the channel")
        to = next(each for each in self.cluster.serving() if each is not source)
        self.cluster.move(slot, to)
        after = self.listen(to, channel)
        wait_until(lambda: len(after.messages) > 50, 20, "ticks reach it at its new node")
        self.assertIn("errorstat_MOVED", source.command("INFO", "errorstats").decode())
        ticks.stop()
        count = self.await_accounts(service, ticks)
        self.assertEqual(count["published"], ticks.sent)
        # Who listens must subscribe anew at the new node; of what came until then nothing is said.
        order = numbers(before.messages) + numbers(after.messages)
        self.assertEqual(order, sorted(set(order)), "order, or twice")
        self.assert_ends_well(service)

    def test_a_master_is_killed(self):
        service = self.run_ticker('channel = "tick:{key}"')
        channels = [f"tick:{token}" for token in TOKENS]
        slots = {channel: self.cluster.slot(channel) for channel in channels}
        owners = {channel: self.cluster.owner(slots[channel]) for channel in channels}
        replica_of = dict(zip(self.cluster.masters, self.cluster.replicas))
        old = owners[channels[0]]
        new = replica_of[old]
        # A shard's replica hands its messages to its own subscribers too.
        readers = {channel: [self.listen(owner, channel), self.listen(replica_of[owner], channel)]
                   for channel, owner in owners.items()}
        ticks = self.ticking(self.kite, TOKENS)
        wait_until(lambda: all(len(each[0].messages) > 20 for each in readers.values()), 20,
                   "ticks reach every channel")

        old.kill()
        killed = time.monotonic()
        orphans = [readers[channel][1] for channel in channels if owners[channel] is old]

        def first_tick():
            times = [when for reader in orphans for *_, when in list(reader.messages)
                     if when > killed + 0.5]
            return min(times, default=None)

        pause = wait_until(first_tick, 20, "ticks reach the new master") - killed
        self.assertEqual(new.command("ROLE")[0], b"master")
        self.assertLess(pause, FIRST_TICK_LIMIT * SLOWNESS)
        print(f"first tick on the new master after {pause:.2f} s")
        spared = [list(both[0].messages) for channel, both in readers.items()
                  if owners[channel] is not old]
        waits = [after[2] - before[2] for messages in spared
                 for before, after in zip(messages, messages[1:])]
        self.assertLess(max(waits), 1.5 * SLOWNESS, "ticks of the other masters go on")
        ticks.stop()
        count = self.await_accounts(service, ticks)
        lost = count["failed"] + count["unknown"] + sum(count["dropped"].values())

        def received():
            return sum(len({number for reader in both for number in numbers(list(reader.messages))})
                       for both in readers.values())

        wait_until(lambda: received() >= ticks.sent - lost, 5, "what is not lost is received")
        for channel, both in readers.items():
            for reader in both:
                order = numbers(reader.messages)
                self.assertEqual(order, sorted(set(order)), f"{channel}: order, or twice")
        print(f"{ticks.sent} ticks, {ticks.sent - received()} not received; {count['unknown']} unknown,"
              f" {count['failed']} failed, {count['dropped']['circuit_open']} for a dead master")
        self.assert_ends_well(service)
        old.start()
        self.cluster.await_whole()

    def test_what_a_master_that_hung_left_unanswered_goes_to_its_successor(self):
        service = self.run_ticker('mode = "stream"\nchannel = "kept:{key}"\n'
                                  'retry = "at_least_once"')
        channels = [f"kept:{token}" for token in TOKENS]
        hung = self.cluster.owner(self.cluster.slot(channels[0]))
        new = self.cluster.replica_of(hung)
        of_hung = [channel for channel in channels
                   if self.cluster.owner(self.cluster.slot(channel)) is hung]
        ticks = self.ticking(self.kite, TOKENS, 0.005)
        wait_until(lambda: all(hung.command("XLEN", each) > 100 for each in of_hung), 20,
                   "ticks reach its streams")
        hung.pause()
        try:
            wait_until(lambda: new.command("ROLE")[0] == b"master", 20, "it is replaced")
            length = new.command("XLEN", of_hung[0])
            wait_until(lambda: new.command("XLEN", of_hung[0]) > length + 100, 20,
                       "ticks reach its successor")
            ticks.stop()
            count = self.await_accounts(service, ticks)
        finally:
            hung.resume()
        self.assertEqual((count["unknown"], count["failed"]), (0, 0))
        again = service.status().metric(SINK, "sent_again")
        self.assertGreater(again, 0)
        twice = 0
        for channel in of_hung:
            seen = [json.loads(fields[-1])["seq"] for _, fields in new.command("XRANGE", channel, "-", "+")]
            first = list(dict.fromkeys(seen))
            self.assertEqual(first, sorted(first), f"{channel}: order")
            twice += len(seen) - len(first)
        self.assertLessEqual(twice, again)
        print(f"{again:.0f} ticks sent again, {twice} came twice")
        self.assert_ends_well(service)


if __name__ == "__main__":
    main()
