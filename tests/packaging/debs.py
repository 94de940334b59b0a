"""The Debian packages, made once a test run from the build under test."""

import os
import pathlib
import subprocess
import tempfile

BUILD = os.environ["SLUICE_BUILD"]
UNIT = "usr/lib/systemd/system/sluice@.service"


def run(*command, **options):
    """Its output; AssertionError with all of it if it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def build(folder):
    """Builds both packages in `folder`, with nothing left in the build folder."""
    run(os.environ["SLUICE_CPACK"], "-G", "DEB", "-B", folder, "--config",
        f"{BUILD}/CPackConfig.cmake", cwd=BUILD)
    made = {path.name.split("_")[0]: path for path in pathlib.Path(folder).glob("*.deb")}
    assert set(made) == {"sluice", "sluice-dev"}, made
    return made


class Folder(tempfile.TemporaryDirectory):
    """Of a test's own, reachable for other users: packages are unpacked in it."""

    def __init__(self):
        super().__init__(prefix="sluice-package-")
        os.chmod(self.name, 0o755)
