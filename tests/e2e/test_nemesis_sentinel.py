"""A master behind sentinels that dies, hangs, or hands over: judged as any other fault."""

from harness import main, wait_until
from nemesis import PATTERN, Nemesis
from redis_sentinels import NAME, SentinelGroup, role


class Sentinels(Nemesis):
    """Readers stand at the master and at its replica, which receives what the master publishes."""

    def setUp(self):
        super().setUp()
        self.group = SentinelGroup(self.folder)
        self.addCleanup(self.group.close)
        self.servers = [self.group.master, self.group.replica]
        self.readers = [self.subscriber(each, PATTERN, persists=True) for each in self.servers]
        self.begin(self.group, self.readers, sink='timeout = "500ms"')

    def await_readers(self):
        self.await_mark(self.servers, self.readers)

    def test_faults(self):
        self.go_through({
            "the master killed": self.kill,
            "the master stopped": self.stop,
            "a failover on command": self.fail_over,
        }, rounds=6)

    def await_promotion(self):
        wait_until(lambda: role(self.group.replica)[0] == b"master", 20,
                   "the replica is the master")
        self.await_flow("the promotion")

    def kill(self):
        self.group.master.kill()
        self.await_promotion()
        self.group.master.start()
        self.group.settle()

    def stop(self):
        self.group.master.pause()
        self.await_promotion()
        self.group.master.resume()
        self.group.settle()

    def fail_over(self):
        self.group.sentinels[0].command("SENTINEL", "FAILOVER", NAME)
        self.await_promotion()
        self.group.settle()


if __name__ == "__main__":
    main()
