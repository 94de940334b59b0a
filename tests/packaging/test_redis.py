"""The Redis that packaging/redis tunes, and the subscriber of packaging/consumers behind a ticker."""

import json
import pathlib
import re
import subprocess

from harness import SOURCE, Case, main, wait_until
from process import Process, free_port

PACKAGING = pathlib.Path(SOURCE, "packaging")
TOKENS = [256265, 260105, 408065, 738561]


def dropped_of(status):
    return sum(status.total["dropped"].values())


class Tuned(Case):
    def server(self, name, *more):
        port = free_port()
        process = Process("redis-server", [
            "redis-server", str(PACKAGING / f"redis/{name}.conf"), "--bind", "127.0.0.1",
            "--port", str(port), "--dir", self.folder, *more], self.folder)
        self.addCleanup(process.kill)

        def ask(*words):
            done = subprocess.run(["redis-cli", "-p", str(port), *words], capture_output=True,
                                  text=True, check=False)
            return done.stdout.strip()

        wait_until(lambda: ask("PING") == "PONG", 10, "redis-server answers PING")
        return ask

    def test_redis_takes_every_line(self):
        for name in ("pubsub", "streams"):
            ask = self.server(name)
            text = (PACKAGING / f"redis/{name}.conf").read_text(encoding="utf-8")
            lines = re.findall(r"^([a-z-]+) (.+)$", text, re.M)
            self.assertGreater(len(lines), 8)
            for key, value in lines:
                with self.subTest(file=name, key=key):
                    has = ask("CONFIG", "GET", key).split("\n")[1:]
                    want = {"4gb": str(4 << 30), '""': ""}.get(value, value)
                    if key == "client-output-buffer-limit":
                        self.assertIn(f"pubsub {32 << 20} {8 << 20} 60", has[0])
                    else:
                        self.assertEqual("".join(has), want)

    def fill(self, ask):
        """A stream with a reader behind, then other keys until memory is used up. Redis's last
        answer."""
        ask("XADD", "ticks", "*", "tick", "unread")
        ask("XGROUP", "CREATE", "ticks", "readers", "0")
        for number in range(64):
            answer = ask("SET", f"last:{number}", "x" * 100_000)
        return answer

    def test_why_streams_are_not_evicted(self):
        small = ("--maxmemory", "3mb", "--maxmemory-clients", "0")
        evicts = self.server("pubsub", *small)
        self.assertEqual(self.fill(evicts), "OK")
        self.assertIn("NOGROUP",
                      evicts("XREADGROUP", "GROUP", "readers", "one", "STREAMS", "ticks", ">"))
        keeps = self.server("streams", *small)
        self.assertIn("OOM", self.fill(keeps))
        self.assertIn("unread",
                      keeps("XREADGROUP", "GROUP", "readers", "one", "STREAMS", "ticks", ">"))


class Consumer(Case):
    def figures(self):
        lines = self.consumer.log.splitlines()
        return next((json.loads(line) for line in reversed(lines) if line.startswith("{")), None)

    def await_figures(self, condition, what):
        def look():
            self.assertTrue(self.consumer.running, self.consumer.log)
            figures = self.figures()
            return figures if figures and condition(figures) else None
        return wait_until(look, 15, what)

    def test_batches_and_knows_what_it_missed(self):
        server, feed = self.redis(), self.feed()
        ticker = self.sluice(f"{SOURCE}/pipelines/ticker.toml", "ticker", {
            "KITE_URL": feed.url, "KITE_API_KEY": "key", "KITE_ACCESS_TOKEN": "token",
            "REDIS_URL": server.url})
        self.consumer = Process("subscriber", [
            "/usr/bin/python3", "-B", str(PACKAGING / "consumers/python/subscriber.py"),
            "--url", server.url], self.folder)
        self.addCleanup(self.consumer.kill)
        wait_until(lambda: server.command("PUBSUB", "NUMPAT") == 1, 10, "it subscribes")
        self.ticking(feed, TOKENS)
        seen = self.await_figures(lambda one: one["ticks"] > 200, "ticks arrive")
        self.assertLess(seen["batches"], seen["ticks"] / 4)
        self.assertEqual((seen["missed"], seen["restarts"], seen["merged"]), (0, 0, 0))

        # What the breaker drops is missed, to the tick.
        self.cli("breaker", "ticker", "open")
        ticker.await_status(lambda status: dropped_of(status) > 50, 10, "it drops")
        self.cli("breaker", "ticker", "automatic")
        before = self.figures()["ticks"]
        seen = self.await_figures(lambda one: one["ticks"] > before + 200, "ticks arrive again")
        dropped = dropped_of(ticker.status())
        self.assertEqual(seen["missed"], dropped)

        # So is what is published while it is cut off; it subscribes again by itself.
        server.command("CLIENT", "KILL", "TYPE", "pubsub")
        wait_until(lambda: "again in" in self.consumer.log, 10, "it notices the cut")
        self.await_figures(lambda one: one["missed"] > dropped, "it counts what it missed")
        self.assertEqual(self.figures()["restarts"], 0)


class Parts(Case):
    """Of the subscriber, without Redis."""

    def python(self, code):
        done = subprocess.run(["/usr/bin/python3", "-B", "-c", f"from subscriber import *\n{code}"],
                              cwd=PACKAGING / "consumers/python", capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def test_gaps(self):
        self.assertEqual(self.python(
            "g = Gaps()\n"
            "for c, s in [('a', 7), ('a', 8), ('b', 1), ('a', 11), ('b', 2), ('a', 1)]:\n"
            "  g.see(c, s)\nprint(g.missed, g.restarts)"), "2 1")

    def test_a_slow_consumer_keeps_the_newest_of_each_instrument(self):
        self.assertEqual(self.python(
            "b = Batches()\nfor n in range(3 * BATCH_MAX): b.add('abc'[n % 3], n)\n"
            "t = b.take()\nprint(len(t) <= BATCH_MAX, t[-1], b.merged + len(t) == 3 * BATCH_MAX)\n"
            "print(b.take())"), "True ('c', 29999) True\n[]")


if __name__ == "__main__":
    main()
