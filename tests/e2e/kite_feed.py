"""A Kite ticker in the hand of a test: it sends the bytes it is told to, when it is told to.

It says nothing that it is not told, but a heartbeat a second. The sandbox (plugin kite_server) is
what behaves like the broker; this is for frames and refusals that have to be exact.
"""

import base64
import hashlib
import json
import socket
import struct
import threading
import urllib.parse

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
HEARTBEAT = b"\0"


def full_packet(token, price, *, quantity=1, time=1_700_000_000, depth=((10, 3), (20, 4))):
    """A 184-byte packet. Prices are wire integers; `depth` is (quantity, orders) of the best bid
    and the best offer."""
    head = struct.pack(">IiIiIIIiiiiIIIII", token, price, quantity, price, 1000, 2000, 3000,
                       price, price + 50, price - 50, price - 10, time, 0, 0, 0, time)
    (bids, bid_orders), (offers, offer_orders) = depth
    side = struct.Struct(">IiHH")
    empty = side.pack(0, 0, 0, 0) * 4
    return (head + side.pack(bids, price - 5, bid_orders, 0) + empty +
            side.pack(offers, price + 5, offer_orders, 0) + empty)


def frame(packets):
    """A binary message of the ticker."""
    return struct.pack(">H", len(packets)) + b"".join(
        struct.pack(">H", len(packet)) + packet for packet in packets)


class Connection:
    """One client. `tokens` maps what it subscribed to the mode it asked for."""

    def __init__(self, sock, query):
        self.query = query
        self.tokens = {}
        self.requests = []
        self.open = True
        self._socket = sock
        self._lock = threading.Lock()

    def send(self, payload, opcode=BINARY):
        """Whether it could be written."""
        size = len(payload)
        if size < 126:
            head = bytes([0x80 | opcode, size])
        elif size < 65536:
            head = struct.pack(">BBH", 0x80 | opcode, 126, size)
        else:
            head = struct.pack(">BBQ", 0x80 | opcode, 127, size)
        try:
            with self._lock:
                self._socket.sendall(head + payload)
            return True
        except OSError:
            self.open = False
            return False

    def cut(self):
        """Ends the TCP connection with a reset, without a close frame."""
        self.open = False
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._socket.shutdown(socket.SHUT_RD)
            self._socket.close()
        except OSError:
            pass

    def serve(self, stream):
        """Reads messages until the connection ends."""
        try:
            while self.open:
                opcode, payload = self._read(stream)
                if opcode == TEXT:
                    self._request(json.loads(payload))
                elif opcode == PING:
                    self.send(payload, PONG)
                elif opcode == CLOSE:
                    self.send(payload[:2], CLOSE)
                    break
        except (EOFError, OSError, ValueError):
            pass
        self.open = False

    @staticmethod
    def _read(stream):
        def exactly(count):
            data = stream.read(count)
            if len(data) != count:
                raise EOFError
            return data

        first, second = exactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack(">H", exactly(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", exactly(8))
        assert second & 0x80, "a client's frame must be masked"
        mask = exactly(4)
        data = exactly(size)
        return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))

    def _request(self, request):
        self.requests.append(request)
        value = request["v"]
        if request["a"] == "subscribe":
            for token in value:
                self.tokens.setdefault(token, "quote")
        elif request["a"] == "mode":
            for token in value[1]:
                self.tokens[token] = value[0]
        elif request["a"] == "unsubscribe":
            for token in value:
                self.tokens.pop(token, None)


class Feed:
    """Listens on a free port of loopback.

    refuse: an HTTP status that every dial is answered with, None to let clients in.
    token: the only access token that is let in (others: 403), None for any.
    dials: the access token of every dial so far.
    """

    def __init__(self):
        self.refuse = None
        self.token = None
        self.dials = []
        self.connections = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}"
        self._stopped = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()

    @property
    def live(self):
        return [each for each in self.connections if each.open]

    def subscribed(self, mode="full"):
        """How many instruments the live connections have in `mode`."""
        return sum(list(each.tokens.values()).count(mode) for each in self.live)

    def send(self, payload, opcode=BINARY):
        """To every live connection; returns how many took it."""
        return sum(each.send(payload, opcode) for each in self.live)

    def cut(self):
        for each in self.live:
            each.cut()

    def close(self):
        self._stopped.set()
        self._listener.close()
        self.cut()

    def _beat(self):
        while not self._stopped.wait(1):
            self.send(HEARTBEAT)

    def _accept(self):
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, client.makefile("rb") as stream:
            lines = []
            while (line := stream.readline().strip()) or not lines:
                if not line:
                    return
                lines.append(line.decode())
            target = lines[0].split()[1]
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query))
            headers = {name.lower(): value.strip()
                       for name, _, value in (line.partition(":") for line in lines[1:])}
            self.dials.append(query.get("access_token", ""))
            status = self.refuse
            if status is None and self.token not in (None, query.get("access_token")):
                status = 403
            if status is not None:
                client.sendall(f"HTTP/1.1 {status} Refused\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n".encode())
                return
            key = headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            client.sendall("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                           "Connection: Upgrade\r\n"
                           f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
            connection = Connection(client, query)
            self.connections.append(connection)
            connection.serve(stream)
