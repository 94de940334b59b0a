"""Stages exchanged in a running pipeline, and a file reloaded, under load and into a real Redis."""

import collections
import os
import re
import shutil
import signal
import types
import unittest

from harness import SINK, SOURCE, Case, main, wait_until
from process import SANITIZER, free_port
from redis_client import Recorder

LONG = os.environ.get("SLUICE_LONG") == "1"
FIXTURES = os.environ["SLUICE_FIXTURES"]
SWAPS = 1000 if LONG else 50
RATE = 5_000 if SANITIZER else 50_000  # ticks a second
GROWTH = 2 << 20  # bytes, over the last nine tenths of the swaps
SAMPLER = "sampler"
FORCED_OPEN = 4  # the breaker's metric `state`
PLUGINS = ("priority_sampler", "conflating_sampler", "adaptive_sampler")
MEMBER = re.compile(rb'"instrument_token":(\d+).*"seq":(\d+)(?:,"w":([\d.e+]+))?')


def memory(pid):
    """Bytes that are the process's own."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"RssAnon:\s+(\d+) kB", status.read()).group(1)) << 10


def share(values, part):
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


class Changing(Case):
    def pipeline(self, rate, sampler="adaptive_sampler", more=""):
        """The sandbox's ticks through a sampler into Redis."""
        self.server = self.redis()
        address = f"127.0.0.1:{free_port()}"
        self.sandbox = self.sluice(f"{SOURCE}/pipelines/market-simulator.toml", "market-simulator",
                                   {"SANDBOX_LISTEN": address, "SANDBOX_RATE": str(rate)})
        with open(self.environment["KITE_INSTRUMENTS"], encoding="utf-8") as instruments:
            tokens = [line.split(",")[0] for line in instruments][1:]
        self.file = self.ticker(
            types.SimpleNamespace(url=f"ws://{address}"), self.server, tokens,
            sink='timeout = "10s"',  # none is to be unknown, on a busy machine either
            between=f'[[stage]]\nname = "{SAMPLER}"\nplugin = "{sampler}"\n{more}\n')
        self.edit('mode = "full"', 'mode = "ltp"')  # as many as can be, not as long as can be
        self.edit(f'url = "{self.server.url}"',
                  f'url = "{self.server.url}"\nqueue = {{ when_full = "block" }}')
        recorder = Recorder(self.server.port, os.path.join(self.folder, "history"))
        self.addCleanup(recorder.close)
        service = self.sluice(self.file, "ticker")
        service.await_status(lambda now: now.total["published"] > 1000, 20, "ticks are published")
        return service, recorder

    def edit(self, before, after):
        with open(self.file, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(before, text)
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(text.replace(before, after, 1))

    def swap(self, service, plugin, stage=SAMPLER, **keys):
        """The receipt of a swap that was done."""
        row = service.tell("swap", stage=stage, plugin=plugin, **keys)
        self.assertEqual(row["state"], "done", row["result"])
        return row["receipt"]["stages"][0]

    def refused(self, service, plugin, why, **keys):
        row = service.tell("swap", stage=SAMPLER, plugin=plugin, **keys)
        self.assertEqual(row["state"], "failed", row["result"])
        self.assertRegex(row["result"], why)

    def finish(self, service, recorder, alone=True):
        """Drains it; the history holds what the ledger says, in order, once each. Not `alone`:
        there was another sink, and Redis itself says how many it was sent. The last value is the
        weight of the whole history per record that it spans, from each key's first to its last."""
        self.assert_balanced(service)
        status = service.status()
        self.assert_ends_well(service)
        total = dict(re.findall(r"^\s*-?\s*(\w+)\s+([\d,]+)$", service.log, re.M))
        created, published = (int(total[each].replace(",", "")) for each in ("created", "published"))
        last, seen, gaps, weight = {}, collections.Counter(), 0, 0.0

        def arrived():
            size = recorder.size
            return self.server.command("PING") and size == recorder.size

        wait_until(arrived, 10, "the history is whole")
        recorder.close()
        for payload in recorder.payloads():
            *numbers, stands_for = MEMBER.search(payload).groups()
            token, seq = map(int, numbers)
            weight += float(stands_for or 1)
            before = last.get(token, 0)
            self.assertGreater(seq, before, "order, and nothing twice")
            gaps += seq - before - 1
            last[token] = seq
            seen[token] += 1
        sent = re.search(r"cmdstat_publish:calls=(\d+)",
                         self.server.command("INFO", "commandstats").decode()).group(1)
        self.assertEqual(sum(seen.values()), int(sent))
        if alone:
            self.assertEqual(int(sent), published)
        # What is missing was dropped, by the ledger, and no more than that. With another sink copies
        # are created, too.
        if alone:
            self.assertLessEqual(gaps, created - published)
        self.assertEqual(int(total["failed"].replace(",", "")) +
                         int(total["unknown"].replace(",", "")), 0)
        return status, created, published, weight / sum(last.values())


class Swap(Changing):
    def test_among_three_samplers(self):
        service, recorder = self.pipeline(RATE)
        began = service.status()
        pauses, carried, before = [], 0, 0
        for number in range(SWAPS):
            if number == SWAPS // 2:
                service.tell("level", level="WARNING")  # from here on they drop
            receipt = self.swap(service, PLUGINS[number % 3])
            self.assertEqual(receipt["lost"], 0)
            pauses.append(receipt["pause_s"] * 1000)
            carried += receipt["carried"] + receipt["released"]
            if number == SWAPS // 10:
                before = memory(service.pid)
        growth = memory(service.pid) - before
        self.assertGreater(carried, 0, "quotes that waited went over")
        status, created, published, weight = self.finish(service, recorder)
        self.assertLess(published, created, "the samplers sampled")
        self.assertAlmostEqual(weight, 1, delta=0.02, msg="what is published stands for it all")
        rate = (status.total["created"] - began.total["created"]) / (
            status.document["uptime_s"] - began.document["uptime_s"])
        print(f"{SWAPS} swaps at {rate:,.0f} ticks/s: pause p50 "
              f"{share(pauses, 0.5):.3f} ms, p99 {share(pauses, 0.99):.3f} ms, max "
              f"{max(pauses):.3f} ms; {carried:,} records carried; grew by {growth / 1e6:.2f} MB")
        if LONG and not SANITIZER:
            self.assertLess(growth, GROWTH)

    def test_one_that_fails_leaves_the_old_one(self):
        service, recorder = self.pipeline(2000)
        times = 100 if LONG else 5
        for _ in range(times):
            self.refused(service, f"{FIXTURES}/throwing_constructor.so", "threw on purpose",
                         lose_state=True)
            self.refused(service, f"{FIXTURES}/throwing_process.so", "first batch: process threw",
                         lose_state=True)
            self.refused(service, f"{FIXTURES}/garbage.so", "garbage.so: ")
            self.refused(service, f"{FIXTURES}/wrong_major.so", "wrong_major.so: ")
            self.refused(service, f"{FIXTURES}/sound.so", "cannot read the state sampling/1")
            self.refused(service, "no_such_plugin", "was not found")
            self.refused(service, "redis_sink", "a swap keeps the kind")
            self.refused(service, "priority_sampler", "unknown key", set=["wach=1"])
        status = self.assert_balanced(service)
        self.assertEqual(status.stage(SAMPLER)["plugin"], "adaptive_sampler")
        self.finish(service, recorder)

    def test_one_that_hangs_leaves_the_old_one(self):
        service, recorder = self.pipeline(2000)
        self.swap(service, f"{FIXTURES}/hangs_in_import.so", lose_state=True)
        self.refused(service, f"{FIXTURES}/hangs_in_create.so",
                     "hangs_in_create 1.0.0: create did not return within 10 s", lose_state=True)
        self.refused(service, f"{FIXTURES}/hanging/hangs_in_load.so", "load did not return within 10 s")
        self.refused(service, f"{FIXTURES}/throwing_constructor.so",
                     "the load of another library has not returned")
        self.finish(service, recorder)

    @unittest.skipUnless(LONG, "takes the 10 s of the watchdog")
    def test_one_that_hangs_in_process_ends_the_process(self):
        service, _ = self.pipeline(2000)
        # No first batch within a second: the receipt says so, and the watchdog says the rest.
        receipt = self.swap(service, f"{FIXTURES}/slow_process.so", lose_state=True)
        self.assertFalse(receipt["proven"])
        self.assertEqual(service.wait(20), -signal.SIGABRT)
        self.assertIn("sampler: hung: has not returned for 2 s", service.log)
        self.assertIn("hung for 10 s: the process ends for its supervisor to restart", service.log)

    def test_a_file_built_anew_is_the_new_one(self):
        service, recorder = self.pipeline(2000)
        file = os.path.join(self.folder, "mine.so")
        shutil.copy(f"{FIXTURES}/sound.so", file)
        receipt = self.swap(service, file, lose_state=True)
        self.assertEqual(receipt["to"], "sound 1.0.0")
        built = file + ".new"
        shutil.copy(f"{FIXTURES}/stays_after_swap.so", built)
        os.replace(built, file)
        receipt = self.swap(service, "./mine.so")
        self.assertEqual((receipt["from"], receipt["to"]), ("sound 1.0.0", "stays_after_swap 1.0.0"))
        self.finish(service, recorder)

    def test_a_sink_and_a_source(self):
        service, recorder = self.pipeline(5000)
        other = self.redis()
        receipt = self.swap(service, "", stage=SINK, set=["timeout=2s"])
        self.assertEqual((receipt["lost"], receipt["unknown"]), (0, 0))
        row = service.tell("swap", stage=SINK, set=[f"url=redis://127.0.0.1:{free_port()}"])
        self.assertRegex(row["result"], "redis_sink .*: was not ready within 5 s")
        row = service.tell("swap", stage="kite_source")
        self.assertRegex(row["result"], "--allow-gap lets it")
        row = service.tell("swap", stage="kite_source", allow_gap=True)
        self.assertEqual(row["state"], "done", row["result"])
        subscriber = self.subscriber(other)
        receipt = self.swap(service, "", stage=SINK, set=[f"url={other.url}"])
        self.assertEqual((receipt["lost"], receipt["unknown"]), (0, 0))
        wait_until(lambda: subscriber.count > 100, 10, "ticks come to the other Redis")
        self.assert_balanced(service)
        self.assert_ends_well(service)

    def test_a_guard_takes_over_an_open_breaker(self):
        service, recorder = self.pipeline(
            2000, more='[[stage]]\nname = "guard"\nplugin = "circuit_breaker"')
        self.assertEqual(service.tell("breaker", state="open")["state"], "done")

        def refuses(now):
            return (now.stage("guard")["metrics"]["state"] == FORCED_OPEN and
                    now.stage("guard")["count"]["dropped"]["circuit_open"] > before)

        before = 0
        service.await_status(refuses, 10, "nothing is sent")
        receipt = self.swap(service, "circuit_breaker", stage="guard")
        self.assertEqual(receipt["state"], "circuit_breaker/1")
        before = service.status().stage("guard")["count"]["dropped"]["circuit_open"]
        published = service.status().total["published"]
        service.await_status(refuses, 10, "nor by its successor")
        self.assertEqual(service.status().total["published"], published)
        service.tell("breaker", state="automatic")
        service.await_status(lambda now: now.total["published"] > published, 10, "until it may")
        self.finish(service, recorder)

    def test_trial_and_confirm(self):
        service, recorder = self.pipeline(2000)
        done = self.cli("swap", "ticker", SAMPLER, "priority_sampler", "--trial", "1s")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("state sampling/1 handed over, 0 carried, 0 lost", done.stdout)
        self.assertIn("on trial for 1.0 s", done.stdout)
        service.await_status(lambda now: now.stage(SAMPLER)["plugin"] == "adaptive_sampler", 10,
                             "nobody confirmed it")
        self.cli("swap", "ticker", SAMPLER, "priority_sampler", "--trial", "60s")
        self.assertEqual(self.cli("confirm", "ticker").returncode, 0)
        self.assertEqual(self.cli("confirm", "ticker").returncode, 1)
        dry = self.cli("swap", "ticker", SAMPLER, "adaptive_sampler", "--dry-run")
        self.assertIn("nothing is changed; what would be:", dry.stdout)
        self.assertEqual(service.status().stage(SAMPLER)["plugin"], "priority_sampler")
        self.finish(service, recorder)


class Reload(Changing):
    """The file is edited, and the pipeline becomes what it says: that, and nothing else."""

    BEHIND = '[[stage]]\nname = "redis"'

    def reload(self, service, **keys):
        row = service.tell("reload", **keys)
        self.assertEqual(row["state"], "done", row["result"])
        return {(each["change"], each["stage"]) for each in row["receipt"]["stages"]}

    def refused_reload(self, service, why):
        before = service.status().document["config_hash"]
        row = service.tell("reload")
        self.assertEqual(row["state"], "failed", row["result"])
        self.assertRegex(row["result"], why)
        self.assertEqual(service.status().document["config_hash"], before)

    def test_each_kind_of_change(self):
        service, recorder = self.pipeline(5000)
        first = service.status().document["config_hash"]
        self.assertEqual(self.reload(service), set(), "nothing differs")

        self.edit('plugin = "adaptive_sampler"', 'plugin = "adaptive_sampler"\nheadroom = 0.8')
        self.assertEqual(self.reload(service), {("reconfigure", SAMPLER)})
        self.assertNotEqual(service.status().document["config_hash"], first)
        self.edit('plugin = "adaptive_sampler"\nheadroom = 0.8', 'plugin = "priority_sampler"')
        self.assertEqual(self.reload(service), {("swap", SAMPLER)})

        self.edit(self.BEHIND, '[[stage]]\nplugin = "load_shedder"\n\n' + self.BEHIND)
        self.assertEqual(self.reload(service), {("add", "load_shedder"), ("rewire", SINK)})
        self.edit('plugin = "load_shedder"', 'name = "shed"\nplugin = "load_shedder"')
        self.assertEqual(self.reload(service), {("remove", "load_shedder"), ("add", "shed"),
                                                ("rewire", SINK)})
        self.edit('[[stage]]\nname = "shed"\nplugin = "load_shedder"\n\n', "")
        self.assertEqual(self.reload(service), {("remove", "shed"), ("rewire", SINK)})

        more = '\n[[stage]]\nname = "aside"\nplugin = "null"\nfrom = ["sampler"]\n'
        with open(self.file, "a", encoding="utf-8") as file:
            file.write(more)
        self.assertEqual(self.reload(service), {("add", "aside")})
        service.await_status(lambda now: now.stage("aside")["count"]["published"] > 100, 10,
                             "the sink beside takes ticks")
        self.edit(more, "")
        self.assertEqual(self.reload(service), {("remove", "aside")})
        self.finish(service, recorder, alone=False)

    def test_what_cannot_be_changes_nothing(self):
        service, recorder = self.pipeline(2000)
        self.edit('name = "ticker"', 'name = "other"')
        self.refused_reload(service, "pipeline.name: ticker -> other needs a restart")
        self.edit('name = "other"', 'name = "ticker"')
        self.edit('when_full = "block"', 'when_full = "conflate"')
        self.refused_reload(service, r"redis.queue.when_full: block -> conflate needs a restart")
        self.edit('when_full = "conflate"', 'when_full = "block"')
        self.edit('plugin = "adaptive_sampler"', 'plugin = "adaptive_sampler"\nhedroom = 0.8')
        self.refused_reload(service, r"ticker.toml:\d+:1: hedroom: unknown key; did you mean "
                                     r'"headroom"')
        self.edit("hedroom = 0.8", "headroom = 0.8\n[[")
        self.refused_reload(service, r"ticker.toml:\d+:\d+: ")
        os.remove(self.file)
        self.refused_reload(service, "ticker.toml: there is no such file")
        self.finish(service, recorder)

    def test_hangup_and_the_verb(self):
        service, recorder = self.pipeline(2000)
        first = service.status().document["config_hash"]
        self.edit('plugin = "adaptive_sampler"', 'plugin = "priority_sampler"')
        dry = self.cli("reload", "ticker", "--dry-run")
        self.assertEqual(dry.returncode, 0, dry.stderr)
        self.assertIn("what would be:\nsampler: swap plugin adaptive_sampler", dry.stdout)
        self.assertEqual(service.status().document["config_hash"], first)
        service.signal(signal.SIGHUP)
        service.await_status(lambda now: now.stage(SAMPLER)["plugin"] == "priority_sampler", 10,
                             "it is reloaded")
        wait_until(lambda: re.search("reload: .*sampler: swap.* 0 lost", service.log), 5,
                   "the receipt is in the log")
        self.assertRegex(service.log, r"config_warning: .*ticker.toml:\d+:\d+: .* has no guard",
                         "its warnings, as at the start")
        self.edit("priority_sampler", "no_such_sampler")
        refused = self.cli("reload", "ticker")
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stderr, "'no_such_sampler' was not found(.|\n)*Nothing is changed")
        self.assertEqual(service.log.count("'no_such_sampler' was not found"), 1, service.log)
        self.assertEqual(service.status().document["changes"], {"done": 1, "refused": 1})
        self.finish(service, recorder)

    def test_many_under_load(self):
        service, recorder = self.pipeline(2_000 if SANITIZER else 20_000)
        shed = '[[stage]]\nplugin = "load_shedder"\n\n' + self.BEHIND
        aside = '\n[[stage]]\nname = "aside"\nplugin = "null"\nfrom = ["sampler"]\n'
        for number in range(100 if LONG else 20):
            added = number % 2 == 0
            self.edit(*((self.BEHIND, shed) if added else (shed, self.BEHIND)))
            with open(self.file, encoding="utf-8") as file:
                text = file.read()
            with open(self.file, "w", encoding="utf-8") as file:
                file.write(text + aside if added else text.replace(aside, ""))
            what = "add" if added else "remove"
            self.assertEqual(self.reload(service), {(what, "load_shedder"), (what, "aside"),
                                                    ("rewire", SINK)})
        self.finish(service, recorder, alone=False)


if __name__ == "__main__":
    main()
