"""A spool whose disk is full while Redis is out: what the disk does not take is counted, the rest comes
once, in order. The disk is a small one of the pipeline's own, in a mount namespace; where the
machine allows none the test is skipped."""

import errno
import os
import subprocess

from harness import SINK, main
from nemesis import PATTERN, Nemesis

SPOOL = "spool"
SIZE = "4m"
MORE = 100  # records


class Disk(Nemesis):
    exchanged = (SINK, SPOOL)

    def setUp(self):
        super().setUp()
        self.directory = os.path.join(self.folder, "disk")
        os.mkdir(self.directory)
        wrapper = ["unshare", "--mount", "--map-root-user", "sh", "-ec",
                   f'mount -t tmpfs -o size={SIZE} tmpfs "{self.directory}"; exec "$@"', "sh"]
        tried = subprocess.run([*wrapper, "true"], capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            self.skipTest(f"no file system of its own: {tried.stderr}")
        self.server = self.redis()
        self.reader = self.subscriber(self.server, PATTERN, persists=True)
        self.begin(
            self.server, [self.reader], replays=True, wrapper=wrapper,
            sink='timeout = "500ms"\nqueue = { records = 200 }',
            between=f'[[stage]]\nplugin = "{SPOOL}"\ndirectory = "{self.directory}"\n'
                    'segment_size = "64KiB"\nqueue = { records = 10_000 }\n'
                    '[[stage]]\nplugin = "circuit_breaker"\non_open = "spill"\nprobe = "active"\n')
        self.ballast = f"/proc/{self.service.pid}/root{self.directory}/ballast"

    def at_rest(self, status):
        return (status.balanced and status.document["held"] == 0
                and status.metric(SPOOL, "waiting") == 0
                and status.stage("kite_source")["count"]["created"] == self.ticks.sent)

    def await_readers(self):
        self.await_mark([self.server], [self.reader])

    def test_faults(self):
        self.go_through({
            "an outage": self.outage,
            "the disk full in an outage": self.full,
            "the disk full until after an outage": self.full_to_the_end,
        }, rounds=6)
        self.assertEqual(self.lost, 0)

    def judge(self):
        row = super().judge()
        self.lost = self.service.status().metric(SPOOL, "lost")
        return row

    def await_grown(self, *metrics):
        """Until each has grown by MORE."""
        before = self.service.status()
        self.service.await_status(
            lambda now: all(now.metric(SPOOL, each) >= before.metric(SPOOL, each) + MORE
                            for each in metrics), 20, f"{', '.join(metrics)} grow")

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC)

    def outage(self):
        self.server.pause()
        self.await_grown("spooled")
        self.server.resume()

    def full(self):
        self.server.pause()
        self.await_grown("spooled")
        self.fill()
        self.await_grown("refused")
        self.await_dropped()
        os.remove(self.ballast)
        self.await_grown("spooled")
        self.server.resume()

    def full_to_the_end(self):
        self.server.pause()
        self.await_grown("spooled")
        self.fill()
        self.await_grown("refused")
        self.server.resume()
        self.service.await_status(lambda now: now.metric(SPOOL, "waiting") == 0, 20,
                                  "all is replayed")
        os.remove(self.ballast)

    def await_dropped(self):
        before = self.service.status().total["dropped"]["overflow"]
        self.service.await_status(lambda now: now.total["dropped"]["overflow"] > before, 20,
                                  "the queue is full, too")


if __name__ == "__main__":
    main()
