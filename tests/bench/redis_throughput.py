"""What redis_sink publishes a second beside a raw pipelined client, in the same run: to one server, and
to a cluster of three masters; and what its window costs and brings when Redis is slow. Nobody
subscribes; the source costs nothing (flood.cpp).

  redis_throughput.py SLUICE BENCH_RAW PLUGINS_OF_THE_BENCH [quick]
"""

import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from process import Process, wait_until  # noqa: E402
from redis_client import Redis  # noqa: E402
from redis_nodes import SLOTS, Cluster  # noqa: E402

WARM = 1  # s
PATTERNS = 1000  # that each message is matched with, to make Redis slow


def published(servers):
    """Messages that they have taken."""
    texts = [each.command("INFO", "commandstats").decode() for each in servers]
    return sum(int(number) for text in texts
               for number in re.findall(r"cmdstat_s?publish:calls=(\d+)", text))


def cpu_seconds(pid):
    return time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid(3)


def measure(folder, command, environment, servers, seconds, hindered=contextlib.nullcontext,
            look=None):
    """(messages a second, CPU us a message) of a program that publishes until it is ended, `hindered`
    once it does. `look` is called shortly before the end."""
    program = Process("publisher", command, folder, os.environ | environment)
    try:
        begun = published(servers)

        def flows():
            if not program.running:
                raise RuntimeError(program.log)
            return published(servers) > begun

        wait_until(flows, 20, "it publishes")
        time.sleep(WARM)
        with hindered():
            time.sleep(WARM)
            count, used, began = published(servers), cpu_seconds(program.pid), time.monotonic()
            time.sleep(seconds)
            count, used = published(servers) - count, cpu_seconds(program.pid) - used
            rate = count / (time.monotonic() - began)
            if look:
                look()
        return rate, used / count * 1e6
    finally:
        program.stop()


def pipeline_file(folder, url, sink=""):
    path = os.path.join(folder, "bench.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""
[pipeline]
name = "bench"

[level]
mode = "monitor"

[[stage]]
plugin = "flood"

[[stage]]
plugin = "redis_sink"
url = "{url}"
queue = {{ records = 10_000, when_full = "block" }}
{sink}
""")
    return path


def compare(title, raw, sluice, pairs):
    print(f"\n{title}\n  {'':<8} {'messages/s':>12} {'CPU us each':>12}")
    ratios = []
    for _ in range(pairs):
        rates = []
        for name, run in (("raw", raw), ("sluice", sluice)):
            rate, cpu = run()
            rates.append(rate)
            print(f"  {name:<8} {rate:>12,.0f} {cpu:>12.2f}", flush=True)
        ratios.append(rates[1] / rates[0])
    print(f"  sluice / raw: median {statistics.median(ratios):.2f} of {pairs} pairs", flush=True)


def slow_redis(folder, sluice, environment, pairs, seconds):
    """One Redis that becomes slow: the window full, and following the latency."""
    print(f"\nOne Redis that becomes slow (matches {PATTERNS:,} patterns)\n  {'window':<10} "
          f"{'messages/s':>12} {'call p50 ms':>12} {'call p95 ms':>12} {'batches':>8}")
    server = Redis(folder)
    ratios = []

    def look():
        told = subprocess.run([sluice, "status", "bench", "--format", "json"], check=True,
                              capture_output=True, env=os.environ | environment)
        sink = json.loads(told.stdout)["stages"][-1]
        calls.update(sink["latency"], window=sink["metrics"]["window"])

    try:
        for _ in range(pairs):
            rates = []
            for control in ("fixed", "adaptive"):
                calls = {}
                file = pipeline_file(folder, server.url, f'window_control = "{control}"')
                rate, _ = measure(folder, [sluice, "run", file], environment, [server], seconds,
                                  lambda: server.burdened(PATTERNS), look)
                rates.append(rate)
                print(f"  {control:<10} {rate:>12,.0f} {calls['p50_s'] * 1e3:>12.1f} "
                      f"{calls['p95_s'] * 1e3:>12.1f} {calls['window']:>8.0f}", flush=True)
            ratios.append(rates[1] / rates[0])
    finally:
        server.close()
    print(f"  adaptive / fixed: median {statistics.median(ratios):.2f} of {pairs} pairs", flush=True)


def main():
    sluice, raw, plugins = sys.argv[1:4]
    quick = len(sys.argv) > 4
    pairs, seconds = (1, 2) if quick else (5, 5)
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        here = {"SLUICE_RUN_DIR": folder,
                "SLUICE_PLUGIN_PATH": f"{plugins}:{os.environ['SLUICE_PLUGIN_PATH']}"}

        def runs(servers, url, raw_words):
            return (lambda: measure(folder, [raw, *raw_words], {}, servers, seconds),
                    lambda: measure(folder, [sluice, "run", pipeline_file(folder, url)], here,
                                    servers, seconds))

        server = Redis(folder)
        try:
            compare("To one Redis (PUBLISH of full ticks, 1,000 channels)",
                    *runs([server], server.url, ["PUBLISH", str(server.port)]), pairs)
        finally:
            server.close()
        slow_redis(folder, sluice, here, pairs, seconds)
        cluster = Cluster(folder)
        try:
            words = ["SPUBLISH"]
            for number, master in enumerate(cluster.masters):
                count = len(cluster.masters)
                words += [str(master.port), str(SLOTS * number // count),
                          str(SLOTS * (number + 1) // count - 1)]
            compare("To a cluster of three masters on this machine (SPUBLISH)",
                    *runs(cluster.masters, cluster.url, words), pairs)
        finally:
            cluster.close()


if __name__ == "__main__":
    main()
