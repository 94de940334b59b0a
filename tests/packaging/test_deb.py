"""The packages hold all they should, and the unit is one that systemd takes."""

import gzip
import os
import pathlib
import re
import subprocess
import unittest

from debs import BUILD, UNIT, Folder, build, run


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._folder = Folder()
        cls.addClassCleanup(cls._folder.cleanup)
        cls.debs = build(cls._folder.name)
        cls.root = pathlib.Path(cls._folder.name, "root")
        for deb in cls.debs.values():
            run("dpkg-deb", "-x", deb, cls.root)

    def sluice(self, *words):
        # The packages' own plugins: nothing of the build is to be found.
        environment = {"PATH": "/usr/bin:/bin", "SLUICE_RUN_DIR": self._folder.name}
        return run(self.root / "usr/bin/sluice", *words, env=environment)

    def names(self, deb, field):
        return run("dpkg-deb", "-f", self.debs[deb], field).strip()

    def test_every_plugin_is_there_and_loads(self):
        built = {path.name for path in pathlib.Path(BUILD, "lib/sluice/plugins").glob("*.so")}
        packed = {path.name for path in (self.root / "usr/lib/sluice/plugins").iterdir()}
        self.assertLessEqual(packed, built)
        shipped = {path.parent.name + ".so" for path in pathlib.Path(
            os.environ["SLUICE_SOURCE"], "plugins").glob("*/example.toml")}
        self.assertEqual(shipped - packed, set())
        listed = self.sluice("plugins")
        for plugin in packed:
            self.assertIn(plugin.removesuffix(".so"), listed)

    def test_its_pipelines_are_sound(self):
        self.sluice("check", "--deny-warnings",
                    self.root / "usr/share/sluice/pipelines/market-simulator.toml")

    def test_the_runbook_is_there_with_what_it_names(self):
        folder = self.root / "usr/share/doc/sluice"
        links = re.findall(r"\]\(([^)#]+)\)", (folder / "RUNBOOK.md").read_text(encoding="utf-8"))
        self.assertGreater(len(links), 1)
        for link in links:
            self.assertTrue((folder / link).is_file(), link)
        for program in ("alertmanager/restart-redis", "consumers/python/subscriber.py"):
            self.assertTrue(os.access(folder / program, os.X_OK), program)

    def test_the_libraries_it_needs_are_in_depends(self):
        depends = self.names("sluice", "Depends")
        for package in ("libc6", "libssl3", "libhiredis", "libsystemd0", "ca-certificates"):
            self.assertIn(package, depends)
        self.assertRegex(self.names("sluice-dev", "Depends"), r"\bsluice \(= [0-9.]+\)")

    def test_every_verb_has_a_page_that_man_shows(self):
        verbs = set(re.findall(r"^  ([a-z][a-z-]*)  ", self.sluice("--help"), re.M))
        self.assertIn("run", verbs)
        pages = {path.name: path for path in (self.root / "usr/share/man/man1").iterdir()}
        self.assertEqual(set(pages), {"sluice.1.gz"} | {f"sluice-{verb}.1.gz" for verb in verbs})
        for path in pages.values():
            shown = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], capture_output=True,
                                   input=gzip.decompress(path.read_bytes()), check=True)
            self.assertEqual(shown.stderr.decode(), "", path.name)

    def test_completions_are_shell(self):
        run("bash", "-n", self.root / "usr/share/bash-completion/completions/sluice")
        run("zsh", "-n", self.root / "usr/share/zsh/vendor-completions/_sluice")
        fish = self.root / "usr/share/fish/vendor_completions.d/sluice.fish"
        offered = run("fish", "--no-config", "-c", f"source {fish}; complete -C 'sluice st'",
                      env={"PATH": "/usr/bin:/bin", "HOME": self._folder.name})
        self.assertRegex(offered, r"(?m)^status\t.+$")
        offered = run("bash", "-c", f". {self.root}/usr/share/bash-completion/completions/sluice; "
                      "COMP_WORDS=(sluice st) COMP_CWORD=1; _sluice; echo ${COMPREPLY[@]}")
        self.assertEqual(offered.strip(), "status")

    def test_the_development_package_has_the_sdk(self):
        for name in ("usr/include/sluice/stage.hpp", "usr/lib/cmake/sluice/sluice-config.cmake",
                     "usr/lib/libsluice-testing.so", "usr/share/sluice/template/common"):
            self.assertTrue((self.root / name).exists(), name)
        self.assertNotIn("usr/include", run("dpkg-deb", "-c", self.debs["sluice"]))

    def test_systemd_takes_the_unit(self):
        # What it runs must be there; its manual pages are not installed here.
        unit = (self.root / UNIT).read_text(encoding="utf-8")
        unit = unit.replace("/usr/bin/sluice ", f"{self.root}/usr/bin/sluice ")
        unit = re.sub(r"^Documentation=.*\n", "", unit, flags=re.M)
        copy = pathlib.Path(self._folder.name, "sluice@ticker.service")
        copy.write_text(unit, encoding="utf-8")
        said = run("systemd-analyze", "verify", copy)
        self.assertNotIn("sluice@", said)

    def test_the_unit_is_hardened(self):
        said = run("systemd-analyze", "security", "--offline=yes", "--threshold=15",
                   self.root / UNIT)
        print(said.strip().splitlines()[-1])
        self.assertIn("Overall exposure level", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
