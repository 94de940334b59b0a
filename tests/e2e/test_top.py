"""`sluice top` on a terminal of its own: what it draws, its size, and how it leaves."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time

from harness import BINARY, Case, main
from process import SLOWNESS

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?25h\x1b[?1049l"


class Window:
    """`sluice top` in the foreground of a pseudo terminal."""

    def __init__(self, case, *arguments, columns=120, rows=30):
        self._master, self.slave = os.openpty()
        case.addCleanup(os.close, self._master)
        case.addCleanup(os.close, self.slave)
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.text = ""

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [BINARY, "top", "seen", *arguments], stdin=self.slave, stdout=self.slave,
            stderr=self.slave, env=case.environment, preexec_fn=own_terminal)
        case.addCleanup(self.process.wait)
        case.addCleanup(self.process.kill)

    def resize(self, columns, rows):
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self._master, keys)

    def read_until(self, condition, what):
        """Reads what it writes until `condition` holds of all that came since the last call."""
        end = time.monotonic() + 10 * SLOWNESS
        self.text = ""
        while not condition(self.text):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._master], [], [], left)[0]:
                raise AssertionError(f"{what}; it wrote {self.text!r}")
            self.text += os.read(self._master, 65536).decode()
        return self.text

    def page(self, number=1):
        """The lines of a whole page, the `number`th from now on, without what colours them."""
        written = self.read_until(lambda text: text.count("\x1b[J") > number, "it is drawn")
        drawn = written.split("\x1b[H")[-2].split("\x1b[J")[0]
        # The terminal puts a return of its own before each line's end.
        return [re.sub(r"\x1b\[[0-9;]*[mK]|\r", "", line) for line in drawn.split("\n")]

    def attributes(self):
        return termios.tcgetattr(self.slave)


class Top(Case):
    def setUp(self):
        file = self.write("seen.toml", """
[pipeline]
name = "seen"

[[stage]]
plugin = "market_simulator"
rate = 2000
count = 50

[[stage]]
plugin = "adaptive_sampler"

[[stage]]
name = "nowhere"
plugin = "null"
""")
        self.service = self.sluice(file, "seen")
        self.service.await_status(lambda seen: seen.total["published"] > 0, 20, "ticks flow")

    def test_it_draws_the_pipeline_within_the_window(self):
        window = Window(self, "--interval", "100ms")
        page = window.page()
        self.assertRegex(page[0], r"^seen  running  up ")
        self.assertEqual(page[1], "level HEALTHY")
        text = "\n".join(page)
        for expected in (r"\nin +[\d,]+/s +[▁-█]+\n", r"\n  stage +state +in/s",
                         r"\n  adaptive_sampler +ok +[\d,]+ +[\d,]+ ", r"balance: created [\d,]+ = "
                         r"published [\d,]+.*it balances"):
            self.assertRegex(text, expected)
        window.resize(40, 8)
        page = window.page(3)
        self.assertLessEqual(len(page), 8)
        self.assertLessEqual(max(map(len, page)), 40)
        self.assertIn("  stage", "\n".join(page))
        self.assertNotIn("faults", "\n".join(page))

    def test_it_leaves_the_terminal_as_it_was(self):
        def by_key(key):
            return lambda window: window.type(key)

        def by_signal(number):
            return lambda window: window.process.send_signal(number)

        for name, end in (("q", by_key(b"q")), ("Ctrl-C", by_key(b"\x03")),
                          ("SIGTERM", by_signal(signal.SIGTERM)),
                          ("SIGHUP", by_signal(signal.SIGHUP))):
            with self.subTest(name):
                window = Window(self)
                self.assertIn(ENTER, window.read_until(lambda text: "\x1b[J" in text, "drawn"))
                self.assertNotEqual(window.attributes(), window.before)
                end(window)
                window.read_until(lambda text: text.endswith(LEAVE), "the page is left")
                self.assertEqual(window.process.wait(10), 0)
                self.assertEqual(window.attributes(), window.before)

    def test_a_pipeline_that_ends_is_told_on_the_terminal_as_it_was(self):
        window = Window(self, "--interval", "100ms")
        window.read_until(lambda text: "\x1b[J" in text, "it is drawn")
        self.assert_ends_well(self.service)
        written = window.read_until(lambda text: "sluice top: " in text, "it is told")
        self.assertLess(written.index(LEAVE), written.index("sluice top: "))
        self.assertEqual(window.process.wait(10), 0)
        self.assertEqual(window.attributes(), window.before)

    def test_one_that_hangs_is_waited_for_and_left_at_once(self):
        window = Window(self, "--interval", "100ms")
        window.page()
        self.service.signal(signal.SIGSTOP)
        window.read_until(lambda text: re.search("NO ANSWER for [1-9] s", text), "it is told")
        self.service.signal(signal.SIGCONT)
        self.assertNotIn("NO ANSWER", "\n".join(window.page(3)))
        self.service.signal(signal.SIGSTOP)
        window.read_until(lambda text: "NO ANSWER" in text, "it is told again")
        window.type(b"q")
        window.read_until(lambda text: text.endswith(LEAVE), "the page is left")
        self.assertEqual(window.process.wait(10), 0)
        self.service.signal(signal.SIGCONT)
        self.assert_balanced(self.service)
        self.assert_ends_well(self.service)

    def test_one_that_is_killed_is_told(self):
        window = Window(self, "--interval", "100ms")
        window.page()
        self.service.kill()
        written = window.read_until(lambda text: "Connection refused" in text, "it is told")
        self.assertLess(written.index(LEAVE), written.index("Connection refused"))
        self.assertEqual(window.process.wait(10), 0)
        self.assertEqual(window.attributes(), window.before)

    def test_once_and_where_there_is_no_terminal(self):
        once = self.cli("top", "seen", "--once")
        self.assertEqual((once.returncode, once.stderr), (0, ""))
        self.assertRegex(once.stdout, r"(?s)^seen  running .*\n  nowhere .*it balances\n")
        self.assertNotIn("\x1b", once.stdout)
        piped = self.cli("top", "seen")
        self.assertEqual(piped.returncode, 0)
        self.assertIn("the output is not a terminal: shown once", piped.stderr)
        self.assertRegex(piped.stdout, r"^seen  running ")

    def test_mistakes_are_told(self):
        wrong = self.cli("top", "seen", "--interval", "10ms")
        self.assertEqual(wrong.returncode, 64)
        self.assertIn("--interval: a duration from 100ms to 1h", wrong.stderr)
        absent = self.cli("top", "nobody")
        self.assertEqual(absent.returncode, 69)
        self.assertIn("sluice top: ", absent.stderr)


if __name__ == "__main__":
    main()
