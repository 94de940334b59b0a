"""A network and a Redis that do their worst: order per key holds, nothing comes twice, and every tick
that no subscriber received is one of those counted as unknown. The long form (SLUICE_LONG) goes
through all faults ten times, each time in another order."""

import json
import os
import random
import time

from fault_proxy import FaultProxy
from harness import SINK, Case, main, wait_until

TOKENS = [408065, 738561, 341249, 1270529, 779521]
ROUNDS = 10 if os.environ.get("SLUICE_LONG") else 1


class Nemesis(Case):
    def setUp(self):
        seed = int(os.environ.get("SLUICE_SEED") or random.randrange(1 << 32))
        print(f"seed {seed}")
        self.random = random.Random(seed)
        self.server = self.redis()
        self.proxy = FaultProxy(self.server.port, seed)
        self.addCleanup(self.proxy.close)
        self.kite = self.feed()
        file = self.ticker(self.kite, self.proxy, TOKENS, sink='timeout = "500ms"')
        self.service = self.sluice(file, "ticker")
        wait_until(lambda: self.kite.subscribed() == len(TOKENS), 10, "it subscribed")
        self.histories = []  # of subscribers that a restart of Redis cut
        self.reader = self.subscriber(self.server)
        self.ticks = self.ticking(self.kite, TOKENS, 0.01)

    def await_flow(self, what):
        before = self.reader.count
        wait_until(lambda: self.reader.count >= before + 50, 20, f"ticks flow after {what}")

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

    def test_faults(self):
        faults = {
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
            "the sink exchanged": self.swap,
        }
        survived = {name: [] for name in faults}
        for _ in range(ROUNDS):
            for name in self.random.sample(list(faults), len(faults)):
                unknown = self.service.status().total["unknown"]
                begun = time.monotonic()
                faults[name]()
                self.await_flow(name)
                survived[name].append((time.monotonic() - begun,
                                       self.service.status().total["unknown"] - unknown))
        self.ticks.stop()
        self.check_history()
        print(f"{'fault':<42} {'times':>5} {'longest s':>9} {'unknown':>8}")
        for name, rounds in survived.items():
            times, unknown = zip(*rounds)
            print(f"{name:<42} {len(rounds):>5} {max(times):>9.2f} {sum(unknown):>8}")

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

    def swap(self):
        row = self.service.tell("swap", stage=SINK)
        self.assertEqual(row["state"], "done", row)

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
        self.histories.append(self.reader)
        self.reader = self.subscriber(self.server)
        self.proxy.stalled = False

    def check_history(self):
        status = self.service.await_status(
            lambda now: now.total["created"] == self.ticks.sent
            and now.stage(SINK)["count"]["published"] + now.total["unknown"] == self.ticks.sent,
            20, "every tick is accounted for")
        self.assertTrue(status.balanced)
        wait_until(lambda: self.reader.messages, 5, "the last messages")
        last, seen = {}, 0
        for who in [*self.histories, self.reader]:
            for channel, payload, _ in who.messages:
                number = json.loads(payload)["seq"]
                self.assertGreater(number, last.get(channel, 0), f"{channel}: order, or twice")
                last[channel] = number
                seen += 1
        missing = self.ticks.sent - seen
        print(f"{self.ticks.sent} ticks, {missing} not received, {status.total['unknown']} unknown")
        self.assertGreater(status.total["unknown"], 0, "the faults were felt")
        self.assertLessEqual(missing, status.total["unknown"])


if __name__ == "__main__":
    main()
