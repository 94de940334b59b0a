#!/usr/bin/env python3
"""Takes each rule of the control loop out of a copy of the source, one at a time, and shows which tests notice.

    tests/sim/without_each_rule.py [RULE...]

Copies and builds in build-rules/. Ends with 1 if a rule can be removed and every test stays green, or is no longer where this
script looks for it."""

import filecmp
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "build-rules"
BUILD = COPY / "build"  # laid out as a checkout is: the compiler's cache knows it
UNITS = ["core/level/core_level_test", "core/runtime/core_runtime_test"]
TARGETS = ["core_level_test", "core_runtime_test", "sim_control_loop", "sluice", "plugins/all"]

# rule: (file, [(as it is, as it is without the rule)])
RULES = {
    "hold": ("core/level/classifier.cpp", [
        ("now - at.better_since >= at.hold_ns", "now - at.better_since >= 0")]),
    "exit threshold": ("core/level/classifier.cpp", [
        ("seen.ratio < rows.ratio_exit[row]", "seen.ratio < rows.ratio[row]"),
        ("static_cast<double>(rows.latency_ns[row]) * rows.exit_share",
         "static_cast<double>(rows.latency_ns[row])"),
        ("static_cast<double>(rows.pending[row]) * rows.exit_share",
         "static_cast<double>(rows.pending[row])")]),
    "probe": ("core/level/demand.cpp", [
        ("kept_away == 0 ? offered_ : probed(now)", "capacity_")]),
    "saturation": ("core/level/demand.cpp", [
        ("now.room_ns * saturated_part <= now.length_ns && !now.barred", "!now.barred")]),
    "least pending": ("core/runtime/sink_driver.cpp", [
        ("return std::min(now, least_pending_.exchange(now));",
         "least_pending_.exchange(now);\n  return now;")]),
    "unanswered age": ("core/level/classifier.cpp", [
        ("return std::max(seen.latency_ns, seen.unanswered_ns);", "return seen.latency_ns;")]),
}


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, check=False, **more)


def build():
    made = run("cmake", "--build", BUILD, "-j", str(os.cpu_count()), "--target", *TARGETS)
    if made.returncode:
        sys.exit(f"without_each_rule: does not build:\n{made.stdout[-3000:]}")


def take_over(source, to):
    """Only what differs, as of now: what an interrupted run left there is built anew."""
    if not (os.path.exists(to) and filecmp.cmp(source, to, shallow=False)):
        shutil.copyfile(source, to)
        shutil.copymode(source, to)


def copy_source():
    COPY.mkdir(parents=True, exist_ok=True)
    take_over(ROOT / "CMakeLists.txt", COPY / "CMakeLists.txt")
    for name in ["core", "plugins", "sdk", "pipelines", "packaging", "tests"]:
        shutil.copytree(ROOT / name, COPY / name, dirs_exist_ok=True, copy_function=take_over)
    made = run("cmake", "-S", COPY, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DSLUICE_TESTS=ON")
    if made.returncode:
        sys.exit(f"without_each_rule: cmake failed:\n{made.stderr[-3000:]}")


def red_tests():
    """(names of red unit tests, names of red scenarios, number of red runs of the simulation)"""
    units = []
    for program in UNITS:
        ran = run(BUILD / program)
        if ran.returncode:
            units += sorted(set(re.findall(r"^TEST CASE:\s+(.*)$", ran.stdout, re.M))) or [program]
    known = os.environ | {"SLUICE_PLUGIN_PATH": str(BUILD / "lib/sluice/plugins")}
    ran = run(BUILD / "bin/sluice", "test", COPY / "tests/scenarios", env=known)
    scenarios = sorted(set(re.findall(r"^FAIL (\S+)", ran.stdout, re.M)))
    if ran.returncode != int(bool(scenarios)):
        sys.exit(f"without_each_rule: the scenarios cannot be run:\n{ran.stderr[-3000:]}")
    try:
        ran = run(BUILD / "tests/sim/sim_control_loop", timeout=600)
        runs = ran.stdout.count("ERROR: CHECK(") or int(ran.returncode != 0)
    except subprocess.TimeoutExpired:
        runs = -1  # it hangs without the rule
    return units, scenarios, runs


def without(rule):
    file, changes = RULES[rule]
    path = COPY / file
    text = whole = path.read_text(encoding="utf-8")
    for old, new in changes:
        if text.count(old) != 1:
            sys.exit(f"without_each_rule: {rule}: {file} has {text.count(old)} of \"{old}\", expected is one")
        text = text.replace(old, new)
    try:
        path.write_text(text, encoding="utf-8")
        build()
        return red_tests()
    finally:
        path.write_text(whole, encoding="utf-8")


def main(asked):
    if unknown := [rule for rule in asked if rule not in RULES]:
        sys.exit(f"without_each_rule: '{unknown[0]}' is no rule; these are {', '.join(RULES)}")
    copy_source()
    build()
    units, scenarios, runs = red_tests()
    if units or scenarios or runs:
        sys.exit(f"without_each_rule: red with every rule in it: {units + scenarios}, {runs} runs")
    unnoticed = []
    print("| without | unit tests | scenarios | runs | for example |\n|---|---|---|---|---|", flush=True)
    for rule in asked or RULES:
        units, scenarios, runs = without(rule)
        if not (units or scenarios or runs):
            unnoticed.append(rule)
        example = "; ".join(units[:2] or scenarios[:2])
        print(f"| {rule} | {len(units)} | {len(scenarios)} | {runs} | {example} |", flush=True)
    if unnoticed:
        sys.exit(f"without_each_rule: no test notices the lack of: {', '.join(unnoticed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
