"""Packages of npm that a test needs, installed once per build."""

import contextlib
import fcntl
import os
import shutil
import subprocess


@contextlib.contextmanager
def alone(folder):
    """Of several tests that want the same, one installs and the others wait."""
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def installed(source):
    """A folder with the files of `source` and the packages its package-lock.json names; no package
    runs a script of its own."""
    folder = os.path.join(os.environ["SLUICE_NPM_FOLDER"], os.path.basename(source))
    with alone(folder):
        shutil.copytree(source, folder, dirs_exist_ok=True)
        lock = f"{source}/package-lock.json"
        stamp = f"{folder}/node_modules/.installed"
        if not os.path.exists(stamp) or os.path.getmtime(stamp) < os.path.getmtime(lock):
            done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
                                  cwd=folder, capture_output=True, text=True, check=False,
                                  timeout=240)
            if done.returncode != 0:
                raise AssertionError(f"npm ci in {folder}: {done.stderr}")
            shutil.copy(lock, stamp)
    return folder
