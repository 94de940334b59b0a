"""Masters of a cluster that die, hang, or hand over, and slots that move: judged as any other fault."""

import shutil
import tempfile
import unittest

from harness import main, wait_until
from nemesis import CHANNELS, Nemesis
from redis_client import StreamReader, newest_entry
from redis_nodes import Cluster, ShardSubscriber

cluster = None


def setUpModule():
    global cluster
    folder = tempfile.mkdtemp(prefix="sluice-e2e-nemesis-")
    unittest.addModuleCleanup(shutil.rmtree, folder, ignore_errors=True)
    cluster = Cluster(folder)
    unittest.addModuleCleanup(cluster.close)


def owner(channel):
    return cluster.owner(cluster.slot(channel))


class Shards(Nemesis):
    """Readers of each channel stand at the master of its slot and at that one's replica."""

    def setUp(self):
        super().setUp()
        self.promoted = None
        self.readers = []
        for channel in CHANNELS:
            master = owner(channel)
            for node in (master, cluster.replica_of(master)):
                reader = ShardSubscriber(node, channel, persists=True)
                self.addCleanup(reader.close)
                self.readers.append(reader)
        # A master that hung and was replaced, once awake, publishes what it had been sent, and its
        # successor's readers receive that, too. No publisher can help it: it is unknown.
        self.begin(cluster, self.readers, sink='timeout = "500ms"', late=True)

    def await_readers(self):
        wait_until(lambda: all(each.subscribed for each in self.readers), 20, "all are subscribed")
        for channel in CHANNELS:
            self.await_mark([owner(channel)],
                            [each for each in self.readers if each.channel == channel],
                            ("SPUBLISH", channel))

    def test_faults(self):
        self.go_through({
            "a master killed": self.kill,
            "a master stopped": self.stop,
            "a failover on command": self.fail_over,
        }, rounds=6)

    def some_master(self):
        """Not of the shard of the last time: for a replica of the same master the others vote only
        every two node timeouts, and on command a master holds its clients up until they do."""
        masters = {each.port: each for each in map(owner, CHANNELS) if each is not self.promoted}
        return masters[self.random.choice(sorted(masters))]

    def await_promotion(self, replica):
        wait_until(lambda: replica.command("ROLE")[0] == b"master", 20, "a replica is a master")
        self.promoted = replica
        self.await_flow("the promotion")

    def kill(self):
        master = self.some_master()
        replica = cluster.replica_of(master)
        master.kill()
        self.await_promotion(replica)
        master.start()
        cluster.await_whole()

    def stop(self):
        master = self.some_master()
        replica = cluster.replica_of(master)
        master.pause()
        self.await_promotion(replica)
        master.resume()
        cluster.await_whole()

    def fail_over(self):
        replica = cluster.replica_of(self.some_master())
        replica.command("CLUSTER", "FAILOVER")
        self.await_promotion(replica)
        cluster.await_whole()


class SlotReader(StreamReader):
    """Of one stream, wherever it is."""

    def refused(self, why):
        if why.startswith("redis: MOVED"):
            self.port = int(why.rpartition(":")[2])


class Slots(Nemesis):
    """Streams, which a slot takes along when it moves."""

    def setUp(self):
        super().setUp()
        self.readers = [SlotReader(owner(each).port, [each]) for each in CHANNELS]
        for each in self.readers:
            self.addCleanup(each.close)
        self.begin(cluster, self.readers, sink='mode = "stream"')

    def await_readers(self):
        wait_until(lambda: all(each.last[channel] == newest_entry(owner(channel), channel)
                               for each, channel in zip(self.readers, CHANNELS)), 10,
                   "all entries are read")

    def test_faults(self):
        self.go_through({"a slot moved": self.move}, rounds=10)

    def move(self):
        channel = self.random.choice(CHANNELS)
        source = owner(channel)
        to = self.random.choice([each for each in cluster.serving() if each is not source])
        cluster.move(cluster.slot(channel), to)
        length = to.command("XLEN", channel)
        wait_until(lambda: to.command("XLEN", channel) > length, 20, "entries reach its new node")


if __name__ == "__main__":
    main()
