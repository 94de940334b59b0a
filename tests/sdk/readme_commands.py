"""Does what sdk/README.md says, word for word, with an installed SDK.

    readme_commands.py SOURCE BUILD CMAKE CXX

Every block of `sh` is run, one after the other in one shell, in a home of its own; but for `sh build`,
which built what is installed there. A block of `text` behind one is what it prints: every line must be
in the output, whatever the numbers; `...` stands for lines left out. `sluice run` gets a SIGTERM when
it has run for a while, which is what the reader's Ctrl-C does.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from snippets import blocks

PRELUDE = r"""
set -eo pipefail
sluice() {
  if [[ $1 == run ]]; then
    timeout --preserve-status -s TERM 5 sluice "$@"
  else
    command sluice "$@"
  fi
}
cd
"""
END = "==== the end of block "


def script(commands):
    return PRELUDE + "\n".join(f"{text}\necho '{END}'{number}"
                               for number, (_, text, _) in enumerate(commands))


def commands_of(document):
    """Of each block that is run: its line, its text, and what it is to print."""
    found = []
    behind = None  # the last block of sh, if it is run
    for line, words, text in blocks(document):
        if words[0] == "sh":
            behind = (line, text, []) if words[1:] != ["build"] else None
            if behind:
                found.append(behind)
        elif words[0] == "text" and behind:
            behind[2].extend(each for each in text.splitlines() if each.strip() not in ("", "..."))
    return found


def pattern(line):
    """A line of the document, whatever its numbers and its spaces."""
    words = [re.sub(r"\d[\d,.]*", r"[\\d,.]+", re.escape(word).replace(r"\,", ","))
             for word in line.split()]
    return re.compile(r"\s+".join(words))


def install(build, cmake, to):
    subprocess.run([cmake, "--install", build, "--prefix", to], check=True,
                   stdout=subprocess.DEVNULL)


def run(commands, home, cmake, cxx):
    environment = {name: os.environ[name] for name in os.environ
                   if name in ("LANG", "TMPDIR") or name.startswith("CCACHE_")} | {
        "HOME": home, "CXX": cxx, "CMAKE_GENERATOR": "Ninja", "SLUICE_RUN_DIR": f"{home}/run",
        "PATH": f"{Path(cmake).parent}:{os.environ['PATH']}"}
    os.mkdir(f"{home}/run")
    done = subprocess.run(["bash", "-c", script(commands)], cwd=home, env=environment, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout


def main():
    source, build, cmake, cxx = sys.argv[1:]
    readme = Path(source, "sdk", "README.md")
    commands = commands_of(readme.read_text(encoding="utf-8"))
    whole = "".join(text for _, text, _ in commands)
    wanted = ("sluice new", "cmake -B", "ctest", "sluice verify", "sluice check", "sluice run")
    missing = [each for each in wanted if each not in whole]
    if missing:
        sys.exit(f"{readme} does not show {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="sluice-readme-") as home:
        install(build, cmake, f"{home}/sluice")
        code, output = run(commands, home, cmake, cxx)
    print(output)
    if code != 0:
        sys.exit(f"the commands of {readme} end with {code}")
    printed = re.split(f"{END}\\d+\n", output)
    failed = [f"{readme}:{line}: does not print: {each}"
              for (line, _, lines), text in zip(commands, printed)
              for each in lines if not pattern(each).search(text)]
    sys.exit("\n".join(failed) or 0)


if __name__ == "__main__":
    main()
