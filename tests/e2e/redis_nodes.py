"""A Redis Cluster of masters with a replica each: real servers, private to a test."""

import contextlib
import re
import socket
import threading
import time

from process import free_port, wait_until
from redis_client import Redis, encode, read_reply

SLOTS = 16384
NODE_TIMEOUT_MS = 1000


def free_node_port():
    """One whose cluster bus port, 10,000 above, is free too."""
    while True:
        port = free_port()
        if port > 55535:
            continue
        with socket.socket() as bus:
            try:
                bus.bind(("127.0.0.1", port + 10000))
                return port
            except OSError:
                continue


class Node(Redis):
    def __init__(self, folder):
        port = free_node_port()
        super().__init__(
            folder, "--cluster-enabled", "yes", "--cluster-config-file", f"nodes-{port}.conf",
            "--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--repl-diskless-sync-delay", "0",
            "--cluster-replica-validity-factor", "0", port=port)
        self.id = self.command("CLUSTER", "MYID").decode()

    def nodes(self):
        """Who is who, as it knows: (address, flags, slots) by id."""
        rows = [line.split() for line in self.command("CLUSTER", "NODES").decode().splitlines()]
        return {row[0]: (row[1], row[2].split(","), row[8:]) for row in rows}

    def settled(self, count):
        return (self.info_of_cluster("cluster_state") == "ok"
                and len(self.nodes()) == count
                and not any("handshake" in flags or "fail" in flags or "fail?" in flags
                            for _, flags, _ in self.nodes().values()))

    def info_of_cluster(self, field):
        text = self.command("CLUSTER", "INFO").decode()
        return re.search(rf"^{field}:(.*?)\r?$", text, re.M).group(1)


class Cluster:
    def __init__(self, folder, masters=3):
        self.nodes = [Node(folder) for _ in range(2 * masters)]
        self.masters, self.replicas = self.nodes[:masters], self.nodes[masters:]
        for number, master in enumerate(self.masters):
            first, last = SLOTS * number // masters, SLOTS * (number + 1) // masters - 1
            master.command("CLUSTER", "ADDSLOTSRANGE", first, last)
            master.command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for other in self.nodes[1:]:
            self.nodes[0].command("CLUSTER", "MEET", "127.0.0.1", other.port)
        wait_until(lambda: all(each.settled(len(self.nodes)) for each in self.nodes), 20,
                   "the nodes know each other")
        for master, replica in zip(self.masters, self.replicas):
            replica.command("CLUSTER", "REPLICATE", master.id)
        self.await_whole()
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.masters)
        self.url = f"redis+cluster://{hosts}"

    def slot(self, channel):
        return self.masters[0].command("CLUSTER", "KEYSLOT", channel)

    def owners(self):
        """Each range of slots with the node that serves it, as the last node knows."""
        for address, _, ranges in self.nodes[-1].nodes().values():
            port = int(address.split("@")[0].rpartition(":")[2])
            node = next(each for each in self.nodes if each.port == port)
            for each in ranges:
                if not each.startswith("["):
                    first, _, last = each.partition("-")
                    yield range(int(first), int(last or first) + 1), node

    def replica_of(self, master):
        """The one replica it has now."""
        identity = master.command("CLUSTER", "REPLICAS", master.id)[0].split()[0].decode()
        return next(each for each in self.nodes if each.id == identity)

    def await_whole(self):
        """Until every node knows every other, and each master has its replica in step."""
        wait_until(lambda: all(each.settled(len(self.nodes)) for each in self.nodes), 20,
                   "the nodes know each other")

        def in_step():
            roles = [each.command("ROLE") for each in self.nodes]
            return all(role[3] == b"connected" if role[0] == b"slave" else
                       len(each.command("CLUSTER", "REPLICAS", each.id)) == 1
                       for each, role in zip(self.nodes, roles))

        wait_until(in_step, 20, "the replicas are in step")

    def owner(self, slot):
        return next(node for slots, node in self.owners() if slot in slots)

    def serving(self):
        """Nodes that serve slots."""
        return list({node.port: node for _, node in self.owners()}.values())

    def move(self, slot, to):
        """As redis-cli --cluster reshard does it: keys first, then the slot; with a pause between in
        which who writes to the slot is sent to ask the new node."""
        source = self.owner(slot)
        to.command("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id)
        while keys := source.command("CLUSTER", "GETKEYSINSLOT", slot, 100):
            source.command("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *keys)
        time.sleep(0.1)
        to.command("CLUSTER", "SETSLOT", slot, "NODE", to.id)
        source.command("CLUSTER", "SETSLOT", slot, "NODE", to.id)

    def close(self):
        for each in self.nodes:
            each.close()


class ShardSubscriber:
    """SSUBSCRIBE to a channel at one node, in a thread of its own; keeps (channel, payload,
    time.monotonic()) of each message until the connection ends or the slot leaves the node. If it
    `persists`, it then subscribes again as soon as the node lets it."""

    def __init__(self, node, channel, persists=False):
        self.messages = []
        self.subscribed = False
        self.channel = channel
        self._node = node
        self._persists = persists
        self._subscribe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _subscribe(self):
        self._socket = socket.create_connection(("127.0.0.1", self._node.port), timeout=5)
        self._stream = self._socket.makefile("rb", buffering=1 << 20)
        self._socket.sendall(encode("SSUBSCRIBE", self.channel))
        read_reply(self._stream)
        self._socket.settimeout(None)
        self.subscribed = True

    def _run(self):
        while True:
            with contextlib.suppress(EOFError, OSError, ValueError):
                self._receive()
            self.subscribed = False
            while not self.subscribed and self._persists:
                self._disconnect()
                with contextlib.suppress(EOFError, OSError, ValueError, RuntimeError):
                    self._subscribe()
                time.sleep(0.002)
            if not self._persists:
                return

    def _receive(self):
        """Until the connection ends, or if it `persists` the subscription."""
        while True:
            kind, channel, payload = read_reply(self._stream)
            if kind == b"smessage":
                self.messages.append((channel.decode(), payload, time.monotonic()))
            elif self._persists:
                return

    def _disconnect(self):
        self._stream.close()
        self._socket.close()

    def close(self):
        self._persists = False
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._disconnect()
