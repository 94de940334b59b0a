"""A Redis Cluster of masters with a replica each: real servers, private to a test."""

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
        wait_until(lambda: all(each.info("master_link_status") == "up" for each in self.replicas),
                   20, "the replicas are in step")
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
    time.monotonic()) of each message until the connection ends or the slot leaves the node."""

    def __init__(self, node, channel):
        self.messages = []
        self._socket = socket.create_connection(("127.0.0.1", node.port), timeout=5)
        self._socket.sendall(encode("SSUBSCRIBE", channel))
        self._stream = self._socket.makefile("rb", buffering=1 << 20)
        read_reply(self._stream)
        self._socket.settimeout(None)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while True:
                kind, channel, payload = read_reply(self._stream)
                if kind == b"smessage":
                    self.messages.append((channel.decode(), payload, time.monotonic()))
        except (EOFError, OSError, ValueError):
            pass

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(5)
        self._stream.close()
        self._socket.close()
