"""Each example of the SDK in its own pipeline, with the real binary, until it has done its part.

Beside what harness.py reads, the environment names SLUICE_EXAMPLES: the folder they were built in.
"""

import csv
import json
import os
import re
import shutil
import sys
from collections import Counter, defaultdict

SOURCE = os.environ["SLUICE_SOURCE"]
sys.path.insert(0, f"{SOURCE}/tests/e2e")
from harness import BINARY, Case, main  # noqa: E402
from process import SLOWNESS, Process, wait_until  # noqa: E402

EXAMPLES = f"{SOURCE}/sdk/examples"
BUILT = os.environ["SLUICE_EXAMPLES"]


def folders():
    return sorted(name for name in os.listdir(EXAMPLES)
                  if os.path.isdir(os.path.join(EXAMPLES, name)))


def plugin(folder):
    """The file that CMake made of a folder."""
    made = [name for name in os.listdir(f"{BUILT}/{folder}") if name.endswith(".so")]
    assert len(made) == 1, f"{folder} makes {made}"
    return f"{BUILT}/{folder}/{made[0]}"


def near(strike, money, per_cent):
    return abs(strike - money) <= money * per_cent / 100


class Examples(Case):
    def begin(self, *chosen):
        """Starts the pipeline of the first with the plugins of all."""
        folder = chosen[0]
        for name in ("pipeline.toml", "instruments.csv"):
            if os.path.exists(f"{EXAMPLES}/{folder}/{name}"):
                shutil.copy(f"{EXAMPLES}/{folder}/{name}", self.folder)
        paths = [word for name in chosen for word in ("--plugin-path", f"{BUILT}/{name}")]
        checked = self.cli("check", "--deny-warnings", *paths, "pipeline.toml")
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        made = Process(folder, [BINARY, "run", *paths, "pipeline.toml"], self.folder,
                       self.environment)
        self.addCleanup(made.kill)
        return made

    def end(self, running):
        """Drains; the balance, by its lines."""
        self.assertEqual(running.stop(), 0, running.log)
        found = dict(re.findall(r"^  [-=+ ] (\w+(?: \w+)?).*?\s([\d,]+)$", running.log, re.M))
        balance = Counter({name: int(number.replace(",", "")) for name, number in found.items()})
        self.assertEqual(balance["imbalance"], 0, running.log)
        self.assertEqual(balance["failed"] + balance["unknown"] + balance["held"], 0, running.log)
        return balance

    @staticmethod
    def lines(running):
        """What the console sink wrote, whole lines only."""
        whole = running.log.rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in whole if line.startswith("{")]

    def await_lines(self, running, enough):
        def look():
            self.assertTrue(running.running, running.log)
            return enough(self.lines(running))

        wait_until(look, 30, "its lines come")

    def test_moneyness_filter(self):
        running = self.begin("moneyness_filter")
        self.await_lines(running, lambda lines: len(lines) >= 20)
        balance = self.end(running)
        with open(f"{EXAMPLES}/moneyness_filter/instruments.csv", encoding="utf-8") as file:
            known = {int(row["instrument_token"]): row for row in csv.DictReader(file)}
        money = None
        seen = Counter()
        for line in self.lines(running):
            row = known[line["instrument_token"]]
            if row["segment"] == "INDICES":
                money = line["last_price"]
            seen[row["segment"]] += 1
            if row["segment"] == "NFO-OPT" and money:
                self.assertTrue(near(float(row["strike"]), money, 1), (row, money))
        self.assertGreater(min(seen[each] for each in ("INDICES", "NFO-FUT", "NFO-OPT")), 0, seen)
        self.assertGreater(balance["dropped sampled"], 0)

    def test_ohlc_bars(self):
        running = self.begin("ohlc_bars")
        self.await_lines(running, lambda lines: len({line["time"] for line in lines}) >= 3)
        balance = self.end(running)
        bars = self.lines(running)
        self.assertEqual(len({(bar["key"], bar["time"]) for bar in bars}), len(bars))
        self.assertEqual(len({bar["key"] for bar in bars}), 5)
        for bar in bars:
            self.assertLessEqual(bar["low"], min(bar["open"], bar["close"]))
            self.assertGreaterEqual(bar["high"], max(bar["open"], bar["close"]))
        self.assertEqual(sum(bar["ticks"] for bar in bars), balance["absorbed"])
        self.assertEqual(len(bars), balance["published"])

    def test_csv_file_behind_both(self):
        running = self.begin("csv_file", "moneyness_filter", "ohlc_bars")
        path = os.path.join(self.folder, "bars.csv")

        def rows():
            if not os.path.exists(path):
                return []
            with open(path, encoding="utf-8") as file:
                return [row for row in csv.reader(file) if len(row) == 7]

        def enough():
            self.assertTrue(running.running, running.log)
            return len({row[1] for row in rows()}) >= 3

        wait_until(enough, 30, "bars come")
        balance = self.end(running)
        self.assertEqual(len(rows()), balance["published"])
        symbols = {row[0] for row in rows()}
        self.assertIn("NIFTY 50", symbols)
        self.assertIn("NIFTY26JANFUT", symbols)
        strikes = {int(symbol[10:15]) for symbol in symbols if symbol.endswith(("CE", "PE"))}
        self.assertTrue(strikes, symbols)
        # Of the range the price may walk in.
        for strike in strikes:
            self.assertTrue(near(strike, 24_400, 3), strikes)

    def test_rate_limiter_c(self):
        running = self.begin("rate_limiter_c")
        by_key = defaultdict(list)

        def enough(lines):
            by_key.clear()
            for line in lines:
                by_key[line["instrument_token"]].append(line)
            return len(by_key) == 5 and min(map(len, by_key.values())) >= 3

        self.await_lines(running, enough)
        balance = self.end(running)
        enough(self.lines(running))
        self.assertGreater(balance["dropped sampled"], balance["published"])
        # Each stands for those that were dropped before it: about 10 a second.
        for lines in by_key.values():
            for before, line in zip(lines, lines[1:]):
                self.assertEqual(line["w"], line["seq"] - before["seq"])

    def test_each_is_a_sound_plugin(self):
        for folder in folders():
            with self.subTest(folder):
                file = plugin(folder)
                shown = self.cli("inspect", file)
                self.assertEqual(shown.returncode, 0, shown.stderr)
                self.assertTrue(any(f"test_{folder}" in name for name in dir(self)),
                                f"{folder} is not seen at work")
                # A case runs a process for each host call that it makes fail.
                verified = self.cli("verify", "--limit", f"{20 * SLOWNESS:g}s", file, limit=300)
                self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)


if __name__ == "__main__":
    main()
