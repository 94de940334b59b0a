"""Watching a stage's records: by command line, by HTTP, by WebSocket, while they flow."""

import base64
import http.client
import json
import os
import re
import select
import socket
import subprocess
import time
import urllib.parse

from harness import BINARY, SINK, Case, main
from process import SLOWNESS, wait_until

RATE = 2000


class Live:
    """A WebSocket of http_admin: the documents it sends."""

    def __init__(self, port, path):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._stream = self._socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                             "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                             f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
                             .encode())
        self.status = int(self._stream.readline().split()[1])
        while self._stream.readline() != b"\r\n":
            pass

    def document(self):
        """The next one: text, in frames that a server does not mask."""
        text, last = b"", False
        while not last:
            head, size = self._stream.read(2)
            last = bool(head & 0x80)
            assert head & 0x7f == (0 if text else 1), head
            if size > 125:
                size = int.from_bytes(self._stream.read(2 if size == 126 else 8), "big")
            text += self._stream.read(size)
        return json.loads(text)

    def close(self):
        self._stream.close()
        self._socket.close()


class Tap(Case):
    def setUp(self):
        self.server = self.redis()
        self.subscriber = self.subscriber(self.server)
        file = self.write("seen.toml", f"""
[pipeline]
name = "seen"

[[stage]]
plugin = "market_simulator"
rate = {RATE}
count = 50

[[stage]]
plugin = "adaptive_sampler"

[[stage]]
name = "{SINK}"
plugin = "redis_sink"
url = "{self.server.url}"

[[service]]
name = "admin"
plugin = "http_admin"
listen = "127.0.0.1:0"
""")
        self.service = self.sluice(file, "seen")
        self.port = int(self.service.await_status(
            lambda seen: seen.metric("admin", "port") > 0 and seen.total["published"] > 0,
            20, "it listens, and publishes").metric("admin", "port"))

    def lines(self, *arguments):
        answer = self.cli("tap", "seen", *arguments, "--format", "json")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def ask(self, path):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            client.request("GET", path)
            answer = client.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            client.close()

    def test_what_a_sink_is_given_is_what_a_subscriber_gets(self):
        records = self.lines(SINK, "--limit", "200")
        self.assertEqual(len(records), 200)
        for each in records:
            self.assertEqual((each["stage"], each["schema"]), (SINK, "kite.tick/1"))
            self.assertEqual(each["record"]["instrument_token"], each["key"])

        def published():
            got = {}
            for _, payload, _ in list(self.subscriber.messages):
                tick = json.loads(payload)
                got[tick["instrument_token"], tick["seq"]] = tick
            return got if all((each["key"], each["seq"]) in got for each in records) else None

        got = wait_until(published, 10, "all of them reach the subscriber")
        for each in records:
            tick = got[each["key"], each["seq"]]
            self.assertEqual(each["record"], {name: tick[name] for name in each["record"]})
        self.assert_balanced(self.service)
        self.assert_ends_well(self.service)

    def test_filters_and_text(self):
        key = self.lines("market_simulator", "--limit", "1")[0]["key"]
        mine = self.lines("market_simulator", "--key", str(key), "--limit", "20")
        self.assertEqual({each["key"] for each in mine}, {key})
        numbers = [each["seq"] for each in mine]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 20)), "each, in order")
        third = self.lines("market_simulator", "--key", str(key), "--every", "3", "--limit", "8")
        numbers = [each["seq"] for each in third]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 24, 3)))
        began = time.monotonic()
        self.assertEqual(self.lines("adaptive_sampler", "--key", "1", "--for", "500ms"), [])
        self.assertGreaterEqual(time.monotonic() - began, 0.5)
        text = self.cli("tap", "seen", "adaptive_sampler", "--limit", "3").stdout
        self.assertEqual(len(re.findall(r'^adaptive_sampler \d+ #\d+ kite\.tick/1 \{".*\}$', text,
                                        re.M)), 3, text)

    def test_a_reader_gets_each_line_at_once(self):
        for verb in (("tap", "seen", "market_simulator", "--every", "1000000000"),
                     ("events", "seen", "--follow")):
            with self.subTest(verb[0]):
                watching = subprocess.Popen([BINARY, *verb], env=self.environment, text=True,
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                self.addCleanup(watching.stdout.close)
                self.addCleanup(watching.wait)
                self.addCleanup(watching.kill)
                # Nothing follows that would push it out.
                self.assertTrue(select.select([watching.stdout], [], [], 10 * SLOWNESS)[0])
                self.assertIn(" ", watching.stdout.readline())

    def test_mistakes_are_told(self):
        def refused(code, *arguments):
            answer = self.cli("tap", "seen", *arguments)
            self.assertEqual(answer.returncode, code, answer.stderr)
            return answer.stderr

        self.assertIn('no records pass a stage "radis"; they pass market_simulator, '
                      "adaptive_sampler, redis", refused(69, "radis"))
        self.assertIn('no record here has the schema "tick"',
                      refused(69, SINK, "--schema", "tick"))
        self.assertIn("--for: a duration above 0, as 10s", refused(64, SINK, "--for", "10"))
        self.assertIn("--priority", refused(64, SINK, "--priority", "3"))
        for path, why in (("/api/v1/tap", "which stage?"),
                          ("/api/v1/tap?stage=radis", "no records pass a stage"),
                          ("/api/v1/tap?stage=redis&colour=red", 'there is no \\"colour\\"'),
                          ("/api/v1/tap?stage=redis&every=0", "every:")):
            status, body = self.ask(path)
            self.assertEqual(status, 400, body)
            self.assertIn(why, json.dumps(body))
        live = Live(self.port, "/api/v1/tap?stage=radis")
        self.addCleanup(live.close)
        self.assertEqual(live.status, 400)

    def test_over_http_from_a_number_on(self):
        path = "/api/v1/tap?" + urllib.parse.urlencode({"stage": "adaptive_sampler", "every": 10})
        self.assertEqual(self.ask(path), (200, {"stage": "adaptive_sampler", "wanted": 0, "lost": 0,
                                                "last": 0, "records": []}))
        first = wait_until(lambda: (lambda seen: seen if seen["records"] else None)(
            self.ask(path)[1]), 10, "records come")
        again = self.ask(f"{path}&after={first['last']}")[1]
        self.assertTrue(all(each["number"] > first["last"] for each in again["records"]))

    def test_live_while_the_stage_is_exchanged(self):
        live = Live(self.port, "/api/v1/tap?stage=adaptive_sampler&every=5")
        self.addCleanup(live.close)
        self.assertEqual(live.status, 101)
        self.assertEqual(self.service.tell("swap", stage="adaptive_sampler",
                                           plugin="priority_sampler")["state"], "done")
        seen = []
        while len(seen) < 500:
            document = live.document()
            seen += document["records"]
        self.assertEqual(document["lost"], 0)
        numbers = [each["number"] for each in seen]
        self.assertEqual(numbers, sorted(set(numbers)), "none twice, in order")
        self.assert_balanced(self.service)

    def test_what_is_too_much_is_counted_and_delays_nothing(self):
        watching = [subprocess.Popen([BINARY, "tap", "seen", stage, "--format", "json"],
                                     env=self.environment, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE, text=True)
                    for stage in ("market_simulator", "adaptive_sampler", SINK)]
        for each in watching:
            self.addCleanup(each.stderr.close)
            self.addCleanup(each.wait)
            self.addCleanup(each.kill)
        before = self.service.status().total
        self.assertEqual(self.service.tell("swap", stage="market_simulator", set=["rate=30000"],
                                           allow_gap=True)["state"], "done")

        def counted():
            document = self.ask(f"/api/v1/tap?stage={SINK}")[1]
            return document if document["lost"] > 0 else None

        document = wait_until(counted, 20, "some are lost to the tap, and counted")
        self.assertGreater(document["wanted"], document["lost"])
        after = self.assert_balanced(self.service).total
        for way in ("failed", "unknown"):
            self.assertEqual(after[way], before[way])
        self.assert_ends_well(self.service)
        for each in watching:
            self.assertIn("records more came than could be carried", each.stderr.read())
            self.assertEqual(each.wait(10), 0, "what is watched may end")


if __name__ == "__main__":
    main()
