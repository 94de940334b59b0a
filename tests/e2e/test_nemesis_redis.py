"""One Redis, and a network before it, that do their worst: order per key holds, nothing comes twice,
and every tick that no subscriber received is one of those counted."""

import socket
import time

from fault_proxy import FaultProxy
from harness import SINK, main, wait_until
from nemesis import CHANNELS, PATTERN, Nemesis
from process import free_port
from redis_client import StreamReader, encode, newest_entry


class Network(Nemesis):
    """What befalls messages on channels."""

    SINK = 'timeout = "500ms"'

    def setUp(self):
        super().setUp()
        self.server = self.redis()
        self.proxy = FaultProxy(self.server.port, self.seed)
        self.addCleanup(self.proxy.close)
        self.reader = self.subscriber(self.server, PATTERN, persists=True)
        self.begin(self.proxy, [self.reader], sink=self.SINK)

    def await_readers(self):
        self.await_mark([self.server], [self.reader])

    def faults(self):
        return {
            "reset": lambda: self.once("reset"),
            "half close": lambda: self.once("half_close"),
            "a garbage byte": lambda: self.once("garble"),
            "a cut inside a reply": lambda: self.once("cut"),
            "a short stall": lambda: self.lasting(stalled=1),
            "latency": lambda: self.lasting(latency=0.05, jitter=0.05),
            "bytes one by one": lambda: self.lasting(slice=1),
            "a thin line": lambda: self.lasting(bandwidth=100_000),
            "a stall beyond the timeout": self.stall,
            "bytes of a lost connection that come late": self.late,
            "redis stopped": lambda: self.stop(0.3),
            "redis stopped beyond the timeout": lambda: self.stop(1),
            "clients paused beyond the timeout": lambda: self.pause(1),
            "connections killed by redis": self.kill_clients,
            "redis killed": self.kill,
            "a subscriber stalled to its cut": self.stalled_subscriber,
        }

    def test_faults(self):
        self.go_through(self.faults(), rounds=10)

    def once(self, fault):
        """A fault that ends the connection: the sink makes another."""
        connections = self.proxy.connections
        getattr(self.proxy, fault)()
        wait_until(lambda: self.proxy.connections > connections, 10, f"it reconnects after {fault}")

    def lasting(self, **settings):
        for name, value in settings.items():
            setattr(self.proxy, name, value)
        time.sleep(0.4)
        for name in settings:
            setattr(self.proxy, name, 0)

    def stop(self, seconds):
        self.server.pause()
        time.sleep(seconds)
        self.server.resume()

    def pause(self, seconds):
        self.server.command("CLIENT", "PAUSE", int(seconds * 1000), "ALL")
        time.sleep(seconds)

    def kill_clients(self):
        connections = self.proxy.connections
        self.server.command("CLIENT", "KILL", "TYPE", "normal")
        wait_until(lambda: self.proxy.connections > connections, 10, "it connects anew")

    def stall(self):
        connections = self.proxy.connections
        self.proxy.stalled = True
        wait_until(lambda: self.proxy.connections > connections, 10, "it gives the connection up")
        self.proxy.stalled = False

    def late(self):
        """What the network held of the old connection goes on behind what the new one brought."""
        connections = self.proxy.connections
        self.proxy.detain()
        wait_until(lambda: self.proxy.connections > connections, 10, "it connects anew")
        self.await_flow("a new connection")
        self.proxy.release()

    def kill(self):
        self.server.kill()
        time.sleep(0.2)
        self.proxy.stalled = True  # nothing is published before somebody reads it
        self.server.start()
        wait_until(lambda: self.server.command("PUBSUB", "NUMPAT") == 1, 10, "it is read again")
        self.proxy.stalled = False

    def stalled_subscriber(self):
        """One that does not read is cut when too much waits for it; the others notice nothing."""
        self.limit_output(1 << 20)
        with socket.socket() as stalled:
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stalled.connect(("127.0.0.1", self.server.port))
            stalled.sendall(encode("SUBSCRIBE", "flood", *CHANNELS))
            wait_until(lambda: self.server.command("PUBLISH", "flood", "") == 1, 10, "it subscribes")
            wait_until(lambda: self.server.command("PUBLISH", "flood", b"x" * (1 << 18)) == 0, 10,
                       "it is cut")
        self.limit_output(0)

    def limit_output(self, most):
        self.server.command("CONFIG", "SET", "client-output-buffer-limit", f"pubsub {most} 0 0")


class Resending(Network):
    """What had no answer goes again: it may come twice then, and nothing else may, and nothing is
    missing."""

    SINK = Network.SINK + '\nretry = "at_least_once"'
    LOSING = ("a cut inside a reply", "a stall beyond the timeout",
              "bytes of a lost connection that come late", "redis stopped beyond the timeout",
              "redis killed")

    def account(self, status):
        return super().account(status)._replace(resent=int(status.metric(SINK, "sent_again")))

    def test_faults(self):
        faults = self.faults()
        self.go_through({name: faults[name] for name in self.LOSING}, rounds=6)


class Writes(Nemesis):
    """What Redis refuses to write, though it would publish: entries of streams."""

    PADDING = 300  # keys, each of which takes LOAD_DELAY_US to load
    LOAD_DELAY_US = 3000

    def setUp(self):
        super().setUp()
        self.server = self.redis()
        for number in range(self.PADDING):
            self.server.command("SET", f"padding:{number}", self.random.randbytes(100))
        self.reader = StreamReader(self.server.port, CHANNELS)
        self.addCleanup(self.reader.close)
        self.begin(self.server, [self.reader], sink='mode = "stream"\ntimeout = "500ms"')

    def await_readers(self):
        wait_until(lambda: all(self.reader.last[each] == newest_entry(self.server, each)
                               for each in CHANNELS), 10, "all entries are read")

    def test_faults(self):
        self.go_through({
            "out of memory (-OOM)": self.out_of_memory,
            "a replica, without its master (-READONLY)": self.read_only,
            "redis killed, and loads its file (-LOADING)": self.loading,
        }, rounds=10)

    def out_of_memory(self):
        self.server.command("CONFIG", "SET", "maxmemory", 1)
        self.await_count("failed")
        self.server.command("CONFIG", "SET", "maxmemory", 0)

    def read_only(self):
        self.server.command("REPLICAOF", "127.0.0.1", free_port())
        self.await_count("failed")
        self.server.command("REPLICAOF", "NO", "ONE")

    def loading(self):
        with self.ticks.held():  # what is acknowledged behind the file would be lost by Redis
            self.await_rest()
            self.server.command("SAVE")
            self.server.kill()
            self.server.launch("--key-load-delay", str(self.LOAD_DELAY_US),
                               "--loading-process-events-interval-bytes", "1024")
        self.await_count("failed")
        self.server.await_answer()


if __name__ == "__main__":
    main()
