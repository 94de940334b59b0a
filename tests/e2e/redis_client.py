"""A private redis-server, and a subscriber that keeps what it receives."""

import contextlib
import os
import re
import signal
import socket
import threading
import time

from process import Process, free_port, wait_until


def encode(*words):
    """A command in RESP."""
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        raw = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(raw), raw))
    return b"".join(parts)


def read_reply(stream):
    """One RESP2 reply from a buffered binary file. EOFError when the connection ended."""
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError
    kind, rest = line[:1], line[1:-2]
    if kind == b"*":
        return [read_reply(stream) for _ in range(int(rest))]
    if kind == b"$":
        return None if rest == b"-1" else stream.read(int(rest) + 2)[:-2]
    if kind == b":":
        return int(rest)
    if kind == b"-":
        raise RuntimeError(f"redis: {rest.decode()}")
    return rest.decode()


class Subscriber:
    """PSUBSCRIBE in a thread of its own. Gives up when the connection ends, unless it `persists`:
    then it subscribes again at once.

    With `keep` every message is kept as (channel, payload, time.monotonic()); without, they are
    only counted.
    """

    def __init__(self, port, pattern="*", keep=True, persists=False):
        self.messages = []
        self.count = 0
        self._port, self._pattern = port, pattern
        self._keep = keep
        self._persists = persists
        self._subscribe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _subscribe(self):
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=5)
        self._socket.settimeout(None)
        self._stream = self._socket.makefile("rb", buffering=1 << 20)
        self._socket.sendall(encode("PSUBSCRIBE", self._pattern))
        read_reply(self._stream)

    def _run(self):
        while True:
            try:
                while True:
                    _, _, channel, payload = read_reply(self._stream)
                    if self._keep:
                        self.messages.append((channel.decode(), payload, time.monotonic()))
                    self.count += 1
            except (EOFError, OSError, ValueError):
                pass
            if not self._persists:
                return
            self._stream.close()
            self._socket.close()
            try:
                self._subscribe()
            except (EOFError, OSError):
                time.sleep(0.01)

    def close(self):
        self._persists = False
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(5)
        self._stream.close()
        self._socket.close()


def newest_entry(server, stream):
    """The id of a stream's last entry."""
    return server.command("XREVRANGE", stream, "+", "-", "COUNT", 1)[0][0].decode()


class StreamReader:
    """XREAD of streams from their beginning, in a thread of its own; what fails is tried again.
    Keeps (stream, the field `data`, time.monotonic()) of each entry."""

    def __init__(self, port, streams):
        self.messages = []
        self.last = dict.fromkeys(streams, "0")  # the last entry's id
        self.port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._over.is_set():
            try:
                self._read()
            except RuntimeError as refusal:
                self.refused(str(refusal))
                self._over.wait(0.01)
            except (EOFError, OSError):
                self._over.wait(0.01)

    def refused(self, why):
        """What Redis said to a read: it loads its data, say."""

    def _read(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            with connection.makefile("rb") as stream:
                while not self._over.is_set():
                    connection.sendall(encode("XREAD", "BLOCK", 100, "STREAMS", *self.last,
                                              *self.last.values()))
                    for name, entries in read_reply(stream) or []:
                        for identity, fields in entries:
                            data = dict(zip(fields[::2], fields[1::2]))[b"data"]
                            self.messages.append((name.decode(), data, time.monotonic()))
                            self.last[name.decode()] = identity.decode()

    def close(self):
        self._over.set()
        self._thread.join(5)


class Recorder:
    """PSUBSCRIBE to a file: what Python could not parse as fast as it comes is parsed later."""

    def __init__(self, port, path, pattern="*"):
        self._path = path
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self._socket.sendall(encode("PSUBSCRIBE", pattern))
        with self._socket.makefile("rb", buffering=0) as stream:
            read_reply(stream)
        self._socket.settimeout(None)
        self.size = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with open(self._path, "wb") as file:
            while part := self._socket.recv(1 << 20):
                file.write(part)
                self.size += len(part)

    def close(self):
        """Ends it; everything that came is in the file then."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()

    def payloads(self):
        with open(self._path, "rb") as stream:
            with contextlib.suppress(EOFError):
                while True:
                    yield read_reply(stream)[3]


class Redis:
    """A redis-server of the test's own, on a port that stays the same over restarts."""

    def __init__(self, folder, *options, port=None):
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._folder = folder
        self._options = options
        self._process = None
        self.start()

    def start(self):
        self.launch()
        self.await_answer()

    def launch(self, *options):
        """Starts it and does not wait; it may have a file to load."""
        self._process = Process(
            "redis-server",
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "",
             "--appendonly", "no", "--dir", self._folder, "--dbfilename", f"{self.port}.rdb",
             "--client-output-buffer-limit", "pubsub 0 0 0", *self._options, *options],
            self._folder)

    def await_answer(self):
        wait_until(self._answers, 10, "redis-server answers PING")

    def _answers(self):
        try:
            return self.command("PING") == "PONG"
        except (OSError, EOFError, RuntimeError):
            return False

    def command(self, *words):
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            connection.sendall(encode(*words))
            with connection.makefile("rb") as stream:
                return read_reply(stream)

    def info(self, field):
        text = self.command("INFO").decode()
        return re.search(rf"^{field}:(.*?)\r?$", text, re.M).group(1)

    def pause(self):
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self._process.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def burdened(self, patterns):
        """While entered each PUBLISH is matched with so many patterns that it does not match."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            names = [f"tick*no{number}" for number in range(patterns)]
            connection.sendall(encode("PSUBSCRIBE", *names))
            with connection.makefile("rb") as stream:
                for _ in names:
                    read_reply(stream)
            yield

    def cpu_seconds(self):
        """CPU time used so far."""
        return time.clock_gettime(~self._process.pid << 3 | 2)  # as clock_getcpuclockid(3)

    @contextlib.contextmanager
    def slowed(self, share, step=0.002, most=0.005):
        """While entered the server may use `share` of a CPU, as a container with a CPU limit:
        when it has used its budget up, it is stopped until it has `step` seconds again. Of what it
        does not use it keeps `most` seconds."""
        over = threading.Event()

        def limit():
            budget, stopped = most, False
            then, used = time.monotonic(), self.cpu_seconds()
            while not over.wait(0.001):
                now, cpu = time.monotonic(), self.cpu_seconds()
                budget = min(budget + share * (now - then), most) - (cpu - used)
                then, used = now, cpu
                if not stopped and budget < 0:
                    self.pause()
                    stopped = True
                elif stopped and budget > step:
                    self.resume()
                    stopped = False
            self.resume()

        thread = threading.Thread(target=limit, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def kill(self):
        self._process.kill()

    def close(self):
        if self._process.running:
            self.resume()
        self._process.kill()
