"""The packages install in a root with nothing in it but Debian, run there as the unit says, and
purge without a trace. Takes minutes (SLUICE_LONG=1): the root is made from this machine's own apt
sources."""

import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import unittest

from debs import UNIT, Folder, build, run

PIPELINE = "market-simulator"
AS_SLUICE = ["setpriv", "--reuid=sluice", "--regid=sluice", "--init-groups", "--inh-caps=-all",
             "--no-new-privs"]


def inside(root, *command):
    return run("chroot", root, "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", *command)


def command_of(root, key):
    """What the unit runs for `key`, with its pipeline's name."""
    unit = (root / UNIT).read_text(encoding="utf-8")
    return re.search(rf"^{key}=(.*)$", unit, re.M).group(1).replace("%i", PIPELINE).split()


def heard_until(listener, word, limit):
    """All that was said to the socket until a message has `word` in it."""
    heard, deadline = [], time.monotonic() + limit
    while not any(word in message for message in heard):
        listener.settimeout(max(0.01, deadline - time.monotonic()))
        heard.append(listener.recv(4096).decode())
    return heard


def runs(root):
    """ExecStart as systemd would run it: as user sluice, its socket told each state."""
    shutil.copy(root / f"usr/share/sluice/pipelines/{PIPELINE}.toml", root / "etc/sluice")
    shutil.copy(root / "usr/share/sluice/pipelines/instruments.csv", root / "etc/sluice")
    inside(root, "install", "-d", "-o", "sluice", "-g", "sluice", "-m", "0750", "/run/sluice")
    inside(root, *AS_SLUICE, *command_of(root, "ExecStartPre"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(root / "run/notify"))
        os.chmod(root / "run/notify", 0o777)
        process = subprocess.Popen(
            ["chroot", root, "env", "-i", "NOTIFY_SOCKET=/run/notify", "WATCHDOG_USEC=2000000",
             *AS_SLUICE, *command_of(root, "ExecStart")])
        try:
            heard = heard_until(listener, "READY=1", 30)
            heard += heard_until(listener, "WATCHDOG=1", 5)
            heard += heard_until(listener, "STATUS=HEALTHY", 10)
            owner = os.stat(f"/proc/{process.pid}").st_uid
            user = int(inside(root, "id", "-u", "sluice"))
            assert owner == user, f"it runs as {owner}, not as {user}"
            inside(root, "/usr/bin/sluice", "status", PIPELINE)
            process.send_signal(signal.SIGTERM)
            heard += heard_until(listener, "STOPPING=1", 10)
            code = process.wait(30)
        finally:
            process.kill()
            process.wait()
    print("heard:", *heard, sep="\n  ")
    assert code == 0, f"exit code {code}"


def is_set_up_as_documented(root):
    """packaging/README.md's lines for secrets, with the files where systemd and the operator put
    them: user sluice may read them, and the unit's check passes."""
    readme = pathlib.Path(os.environ["SLUICE_SOURCE"], "packaging/README.md").read_text("utf-8")
    lines = dict(re.findall(r'^    ((\w+) = ".*")$', readme, re.M))
    file = root / "etc/sluice/ticker.toml"
    text = (root / "usr/share/sluice/pipelines/ticker.toml").read_text(encoding="utf-8")
    for line, key in lines.items():
        text, count = re.subn(rf"^{key} = .*$", line.replace("\\", r"\\"), text, flags=re.M)
        assert count == 1, f"{key} is {count} times in ticker.toml"
    file.write_text(text, encoding="utf-8")
    for secret in re.findall(r"\$\{file:(/[^}]+)\}", text):
        (root / secret[1:]).parent.mkdir(parents=True, exist_ok=True)
        (root / secret[1:]).write_text("secret\n", encoding="utf-8")
        inside(root, "chown", "sluice:", secret)
    check = [word.replace(PIPELINE, "ticker") for word in command_of(root, "ExecStartPre")]
    said = inside(root, *AS_SLUICE, *check)
    assert "warning" not in said and "secret" not in said, said


def traces(root):
    """What has the product's name, but for apt's own records and what the test brought."""
    skipped = [root / name for name in ("proc", "sys", "dev", "brought", "var/log", "var/cache")]
    found = []
    for path, folders, files in os.walk(root):
        folders[:] = [one for one in folders if pathlib.Path(path, one) not in skipped]
        found += [os.path.join(path, one) for one in folders + files if "sluice" in one]
    return found


def in_root(root):
    """Runs as mmdebstrap's hook, in the namespace where the root may be entered."""
    root = pathlib.Path(root)
    debs = [f"/brought/{path.name}" for path in (root / "brought").glob("*.deb")]
    inside(root, "apt-get", "install", "-y", "--no-install-recommends", *debs)
    mode = stat.S_IMODE(os.stat(root / "etc/sluice/credentials").st_mode)
    assert mode == 0o700, f"/etc/sluice/credentials has mode {mode:o}"
    inside(root, "/usr/bin/sluice", "inspect", "kite_source")
    runs(root)
    is_set_up_as_documented(root)
    shutil.rmtree(root / "run/credentials")  # systemd's to remove
    inside(root, "apt-get", "purge", "-y", "sluice", "sluice-dev")
    assert not traces(root), f"purge left {traces(root)}"
    users = (root / "etc/passwd").read_text(encoding="utf-8")
    assert "sluice" not in users, users


class CleanRoot(unittest.TestCase):
    def test_installs_runs_and_purges(self):
        with Folder() as folder:
            build(folder)
            script = f"{sys.executable} -B {os.path.abspath(__file__)} --in-root"
            run("mmdebstrap", "--variant=apt",
                "--include=ca-certificates,systemd-standalone-sysusers",
                f"--customize-hook=mkdir $1/brought && cp {folder}/*.deb $1/brought",
                f'--customize-hook={script} "$1"', "--format=null", "bookworm", "/dev/null",
                cwd="/")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--in-root"]:
        in_root(sys.argv[2])
    elif os.environ.get("SLUICE_LONG") != "1":
        print("skipped: SLUICE_LONG=1 runs it")
        sys.exit(77)
    else:
        unittest.main(verbosity=2)
