"""A master with a replica, and the sentinels that watch them: real servers, private to a test."""

import os
import socket

from process import Process, free_port, wait_until
from redis_client import Redis, encode, read_reply

NAME = "prices"


def role(server):
    """What ROLE says; a sentinel that promotes a server cuts whoever asks it at this moment."""
    try:
        return server.command("ROLE")
    except (EOFError, OSError):
        return ["unknown"]


class Sentinel:
    """One sentinel. It finds replicas and the other sentinels through the master."""

    def __init__(self, folder, master_port, quorum, down_after_ms=1000):
        self.port = free_port()
        config = os.path.join(folder, f"sentinel-{self.port}.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"""port {self.port}
bind 127.0.0.1
dir {folder}
sentinel monitor {NAME} 127.0.0.1 {master_port} {quorum}
sentinel down-after-milliseconds {NAME} {down_after_ms}
sentinel failover-timeout {NAME} 6000
""")
        self._process = Process("sentinel", ["redis-server", config, "--sentinel"], folder)
        wait_until(self._answers, 10, "the sentinel answers PING")

    def command(self, *words):
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            connection.sendall(encode(*words))
            with connection.makefile("rb") as stream:
                return read_reply(stream)

    def _answers(self):
        try:
            return self.command("PING") == "PONG"
        except (OSError, EOFError, RuntimeError):
            return False

    def master(self):
        """What it knows of the master: field to text."""
        words = [each.decode() for each in self.command("SENTINEL", "MASTER", NAME)]
        return dict(zip(words[::2], words[1::2]))

    def replica_flags(self):
        """What it thinks of the one replica: "slave", and more if something is wrong with it."""
        words = [each.decode() for each in self.command("SENTINEL", "REPLICAS", NAME)[0]]
        return dict(zip(words[::2], words[1::2]))["flags"]

    def master_port(self):
        return int(self.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)[1])

    def kill(self):
        self._process.kill()


class SentinelGroup:
    def __init__(self, folder, sentinels=3):
        at_once = ("--repl-diskless-sync-delay", "0")
        self.master = Redis(folder, *at_once)
        self.replica = Redis(folder, *at_once, "--replicaof", f"127.0.0.1 {self.master.port}")
        wait_until(lambda: self.replica.info("master_link_status") == "up", 20,
                   "the replica is in step")
        quorum = sentinels // 2 + 1
        self.sentinels = [Sentinel(folder, self.master.port, quorum) for _ in range(sentinels)]
        wait_until(self._complete, 20, "the sentinels know each other and the replica")
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        self.url = f"redis+sentinel://{hosts}/{NAME}"

    def _complete(self):
        known = [each.master() for each in self.sentinels]
        return all(each["num-other-sentinels"] == str(len(known) - 1) and each["num-slaves"] == "1"
                   for each in known)

    def settle(self):
        """After a failover, until the sentinels agree on a master and see the other one as its
        replica. A busy machine may make them change their minds meanwhile."""

        def settled():
            if {each.master_port() for each in self.sentinels} != {self.master.port}:
                self.master, self.replica = self.replica, self.master
                return False
            kind, *of = role(self.replica)
            if kind == b"master":
                self.replica.command("REPLICAOF", "127.0.0.1", self.master.port)
            return (role(self.master)[0] == b"master" and kind == b"slave"
                    and of[1:3] == [self.master.port, b"connected"] and self._complete()
                    and all(each.replica_flags() == "slave" for each in self.sentinels))

        wait_until(settled, 30, "master and replica are what the sentinels think they are")

    def close(self):
        for each in [*self.sentinels, self.master, self.replica]:
            if isinstance(each, Redis):
                each.close()
            else:
                each.kill()
