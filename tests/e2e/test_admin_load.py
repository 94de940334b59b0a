"""http_admin under load: scrapes, a crowd, damaged requests; ticks do not notice."""

import http.client
import os
import random
import select
import socket
import time

from admin import TOKEN, AdminCase
from harness import main
from process import SANITIZER, SLOWNESS, wait_until


class Load(AdminCase):
    def late(self, since):
        """Published since then, and later than 250 ms after they were received."""
        def counts(status):
            buckets = status.stage("redis")["ages"]["buckets"]
            within = next(each["count"] for each in buckets if each.get("le_s") == 0.25)
            return buckets[-1]["count"], buckets[-1]["count"] - within

        before, after = counts(since), counts(self.service.status())
        return tuple(now - then for now, then in zip(after, before))

    def test_a_thousand_scrapes_cost_no_tick(self):
        before = self.service.status()
        began = time.monotonic()
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        for _ in range(1000):
            client.request("GET", "/metrics")
            answer = client.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)
        client.close()
        took = time.monotonic() - began
        published, late = self.late(before)
        print(f"{took:.2f} ms a scrape; {late} of {published} ticks late")
        if not SANITIZER:
            self.assertLessEqual(late, published // 1000)  # some, if the machine itself stops
        after = self.assert_balanced(self.service)
        if not SANITIZER:  # slowed by one, what has no time for both is sampled
            self.assertEqual(after.total["dropped"], before.total["dropped"])
        self.assertEqual(after.total["failed"] + after.total["unknown"], 0)
        self.assertGreater(after.total["published"], before.total["published"])

    def test_hostile_clients(self):
        crowded = self.service.status()
        before = crowded.metric("backpressure_monitor", "memory_bytes")
        crowd = []
        for i in range(1000):
            each = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            each.setblocking(False)
            try:
                each.send((b"GET / HTTP/1.1\r\nHost: x", b"", b"POST /api/v1/level HTTP/1.1\r\n"
                           b"Content-Length: 999999999\r\n\r\n")[i % 3])
            except OSError:
                pass  # it was displaced already
            crowd.append(each)
        began = time.monotonic()
        self.assertEqual(self.ask("/livez")[0], 200)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(self.ask("/", Host="evil.example")[0], 421)
        self.assertEqual(self.ask("/../../etc/passwd")[0], 404)
        self.assertEqual(self.ask("/%2e%2e/etc/passwd")[0], 404)
        wait_until(lambda: self.service.status().metric("admin", "connections") <= 2, 20,
                   "all are cut in time")
        for each in crowd:
            each.close()
        published, late = self.late(crowded)
        if not SANITIZER:
            self.assertLessEqual(late, published // 1000)
        after = self.assert_balanced(self.service)
        if not SANITIZER:  # a sanitizer keeps what was freed
            self.assertLess(after.metric("backpressure_monitor", "memory_bytes") - before, 32 << 20)
        self.assertEqual(after.total["failed"] + after.total["unknown"], 0)
        self.assert_ends_well(self.service)

    def test_fuzzed_requests_are_served_or_refused_in_time(self):
        seed = int(os.environ.get("SLUICE_TEST_SEED") or random.randrange(2**32))
        print(f"SLUICE_TEST_SEED={seed}")
        chance = random.Random(seed)
        head = f"Host: 127.0.0.1:{self.port}\r\n".encode()
        token = f"Authorization: Bearer {TOKEN}\r\n".encode()
        templates = (
            b"GET /metrics HTTP/1.1\r\n" + head + b"\r\n",
            b"GET /api/v1/events?after=3 HTTP/1.1\r\n" + head + b"Connection: close\r\n\r\n",
            b"GET /api/v1/tap?stage=redis&every=5 HTTP/1.1\r\n" + head + b"\r\n",
            b"POST /api/v1/level HTTP/1.1\r\n" + head + token
            + b'Content-Length: 21\r\n\r\n{"level":"automatic"}',
            b"POST /api/v1/level HTTP/1.1\r\n" + head + token
            + b'Transfer-Encoding: chunked\r\n\r\n15\r\n{"level":"automatic"}\r\n0\r\n\r\n',
            b"GET /api/v1/live HTTP/1.1\r\n" + head + b"Upgrade: websocket\r\nConnection: Upgrade"
            b"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")

        def damaged():
            text = bytearray(chance.choice(templates))
            for _ in range(chance.randrange(6)):
                at = chance.randrange(len(text) + 1)
                what = chance.randrange(4)
                if what == 0:
                    text[at:at + 1] = bytes([chance.randrange(256)])
                elif what == 1:
                    del text[at:at + chance.randrange(1, 40)]
                elif what == 2:
                    text[at:at] = text[at // 2:at] * chance.randrange(1, 50)
                else:
                    text[at:at] = chance.choice((b"\r\n", b"\0", b": ", b"%00", b"../", b"-1"))
            return bytes(text)

        before = self.service.status().metric("backpressure_monitor", "memory_bytes")
        statuses = {}
        for _ in range(5):
            asked = {}
            for _ in range(40):
                each = socket.create_connection(("127.0.0.1", self.port), timeout=10)
                asked[each] = damaged()
                try:
                    each.sendall(asked[each])
                    if chance.random() < 0.5:
                        each.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # it was refused already
            # request_limit is 1 s.
            deadline = time.monotonic() + 5 * SLOWNESS
            while asked:
                ready = select.select(list(asked), [], [], max(0, deadline - time.monotonic()))[0]
                self.assertTrue(ready, f"neither served nor refused in time: {[*asked.values()]}")
                for each in ready:
                    request = asked.pop(each)
                    try:
                        reply = each.recv(65536)
                    except ConnectionError:
                        reply = b""
                    each.close()
                    status = int(reply.split(b" ")[1]) if reply else 0
                    self.assertTrue(not reply or reply.startswith(b"HTTP/1.1 "), (request, reply))
                    self.assertNotEqual(status, 500, (request, reply))
                    statuses[status] = statuses.get(status, 0) + 1
        # Of each kind some: served, refused, cut.
        self.assertTrue(statuses.get(200) and statuses.get(400) and statuses.get(0), statuses)
        self.assertEqual(self.ask("/livez")[0], 200)
        after = self.assert_balanced(self.service)
        if not SANITIZER:
            self.assertLess(after.metric("backpressure_monitor", "memory_bytes") - before, 32 << 20)
        self.assert_ends_well(self.service)


if __name__ == "__main__":
    main()
