"""A TCP proxy that makes a network's faults happen, from a seed."""

import asyncio
import random
import socket
import struct
import threading

CHUNK = 16384


class FaultProxy:
    """Stands before a server of loopback; `port` is where its clients connect.

    What holds until it is changed: `latency` and `jitter` (seconds, each way), `bandwidth` (bytes a
    second, each way, 0: any), `slice` (bytes a write, 0: any), `stalled` (nothing passes).
    What happens once, to every connection there is: reset, half_close. What happens once, to the
    next bytes from the server: garble, cut. What `detain` makes of the connections there are: nothing
    of theirs passes until `release`, though their clients give up and connect anew.
    """

    def __init__(self, server_port, seed):
        self.latency = self.jitter = 0
        self.bandwidth = self.slice = 0
        self.stalled = False
        self.connections = 0
        self._random = random.Random(seed)
        self._server_port = server_port
        self._next = None  # a fault of the next bytes from the server
        self._clients = {}  # the writer of each to its task
        self._tasks = set()
        self._detained = set()  # tasks
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def reset(self):
        """RST to every client; what is held of theirs is lost."""

        def end():
            for writer, task in list(self._clients.items()):
                self._abort(writer)
                task.cancel()

        self._call(end)

    def half_close(self):
        """The server seems to close: its clients may still write."""
        self._call(lambda: [each.write_eof() for each in self._clients])

    def detain(self):
        self._call(lambda: self._detained.update(self._clients.values()))

    def release(self):
        self._call(self._detained.clear)

    def garble(self):
        """One byte of the next reply is another."""
        self._next = "garble"

    def cut(self):
        """The next reply ends in its middle, and the connection with it."""
        self._next = "cut"

    def close(self):
        def stop():
            self._server.close()
            for task in self._tasks:
                task.cancel()
            self._loop.call_later(0.05, self._loop.stop)

        self._loop.call_soon_threadsafe(stop)
        self._thread.join(5)
        self._loop.close()

    def _call(self, what):
        async def run():
            what()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(5)

    @staticmethod
    def _abort(writer):
        if not writer.is_closing():
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _connected(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self.connections += 1
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            self._abort(writer)
            return
        self._clients[writer] = asyncio.current_task()
        task = asyncio.current_task()
        up = asyncio.ensure_future(self._pump(reader, to_server, False, task))
        down = asyncio.ensure_future(self._pump(from_server, writer, True, task))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass  # reset or closed
        finally:
            up.cancel()
            down.cancel()
            self._clients.pop(writer)
            to_server.close()
            writer.close()

    async def _pump(self, reader, writer, from_server, task):
        try:
            while data := await reader.read(CHUNK):
                while self.stalled or task in self._detained:
                    await asyncio.sleep(0.005)
                if self.latency or self.jitter:
                    await asyncio.sleep(self.latency + self.jitter * self._random.random())
                if from_server and self._next:
                    fault, self._next = self._next, None
                    at = self._random.randrange(len(data))
                    if fault == "cut":
                        writer.write(data[:at])
                        await asyncio.sleep(0.01)
                        self._abort(writer)
                        return
                    data = data[:at] + b"?" + data[at + 1:]
                await self._write(writer, data)
        except (OSError, RuntimeError):
            pass  # the other side is gone

    async def _write(self, writer, data):
        step = self.slice or len(data)
        for begin in range(0, len(data), step):
            piece = data[begin:begin + step]
            writer.write(piece)
            await writer.drain()
            if self.bandwidth:
                await asyncio.sleep(len(piece) / self.bandwidth)
            elif self.slice:
                await asyncio.sleep(0)
