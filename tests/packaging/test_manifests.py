"""Files for Grafana, Kubernetes and Docker, and http_admin's OpenAPI document, by tools that are not
ours, from npm: Grafana's own types, the Kubernetes API's schemas, dockerfile-utils, OpenAPI's schema.
No image is built and no cluster asked."""

import pathlib
import re
import subprocess
import textwrap

import npm
from harness import SOURCE, Case, main

PACKAGING = pathlib.Path(SOURCE, "packaging")


class Manifests(Case):
    @classmethod
    def setUpClass(cls):
        cls.node = npm.installed(f"{SOURCE}/tests/packaging/node")

    def passes(self, *command):
        done = subprocess.run([str(word) for word in command], cwd=self.node, capture_output=True,
                              text=True, check=False)
        return done.returncode == 0, done.stdout + done.stderr

    def assert_tells(self, check, *files):
        """`files` are (file, text in it, a mistake in its place). The check says nothing of the
        files, and something of each copy with its mistake."""
        copies = []
        for file, old, new in files:
            text = file.read_text(encoding="utf-8")
            self.assertIn(old, text)
            copies.append(self.write(file.name, text.replace(old, new, 1)))
        _, said = self.passes(*check, *[file for file, *_ in files], *copies)
        for file, *_ in files:
            self.assertNotIn(str(file), said)
        for copy in copies:
            self.assertIn(copy, said)

    def test_grafana(self):
        self.assert_tells(("node", "grafana.mjs"),
                          (PACKAGING / "grafana/ticker.json",
                           '"colorMode": "background"', '"colorMode": "backgroud"'))

    def test_openapi(self):
        self.assert_tells(("node", "openapi.mjs"),
                          (pathlib.Path(SOURCE, "plugins/http_admin/dashboard/openapi.json"),
                           '"description": "The dashboard"', '"descripton": "The dashboard"'))

    def test_kubernetes(self):
        folder = PACKAGING / "kubernetes"
        self.assert_tells(("node", "kubernetes.mjs"),
                          (folder / "feed.yaml", "periodSeconds:", "periodSecond:"),
                          (folder / "ticker-service.yaml", "maxSurge: 1", "maxSurge: true"),
                          (folder / "hpa.yaml", "minReplicas: 2", "minReplicas: two"))

    def pipeline(self, name):
        """Of a manifest's ConfigMap; and the whole manifest."""
        text = (PACKAGING / f"kubernetes/{name}.yaml").read_text(encoding="utf-8")
        found = re.search(r"^  [\w-]+\.toml: \|\n((?:    .*\n|\n)+)", text, re.M)[1]
        port = re.search(r"containerPort: (\d+)", text)[1]
        self.assertIn(f'listen = "0.0.0.0:{port}"', found)
        return textwrap.dedent(found), text

    def assert_sound(self, name, pipeline):
        said = self.cli("check", "--deny-warnings", self.write(f"{name}.toml", pipeline),
                        environment={"REDIS_URL": "redis://redis:6379"})
        self.assertEqual(said.returncode, 0, said.stderr)

    def test_the_feeds_pipeline_is_sound(self):
        """With its mounts in a folder of the test's, whose files are what a pod would have."""
        pipeline, text = self.pipeline("feed")
        for mount in ("/run/secrets/sluice", "/etc/sluice-instruments"):
            self.assertIn(f"mountPath: {mount},", text)
            pipeline = pipeline.replace(mount, self.folder)
        self.write("api_key", "key")
        self.write("access_token", "token")
        self.write("instruments.csv", pathlib.Path(
            SOURCE, "pipelines/instruments.csv").read_text(encoding="utf-8"))
        self.assert_sound("feed", pipeline)
        # With the sink that the consumers' manifest asks for.
        comment = (PACKAGING / "kubernetes/ticker-service.yaml").read_text(encoding="utf-8")
        sink = re.search(r"((?:^#(?:   .*)?\n)+)apiVersion", comment, re.M)[1].replace("#", "")
        self.assertIn('mode = "stream"', sink)
        self.assert_sound("feed_and_stream", pipeline.replace("[[service]]", f"{sink}\n[[service]]", 1))

    def test_the_consumers_pipeline_is_sound(self):
        pipeline, text = self.pipeline("ticker-service")
        self.assert_sound("ticker-service", pipeline)
        written = re.search(r'^#   channel = "(\w+)"$', text, re.M)[1]
        self.assertIn(f'stream = "{written}"', pipeline)

    def test_every_manifest_is_checked(self):
        files = {path.name for path in (PACKAGING / "kubernetes").glob("*.yaml")}
        self.assertEqual(files, {"feed.yaml", "ticker-service.yaml", "hpa.yaml",
                                 "metrics-adapter.yaml"})

    def test_the_adapter_feeds_what_the_hpa_asks_for(self):
        hpa = (PACKAGING / "kubernetes/hpa.yaml").read_text(encoding="utf-8")
        self.assertIn("kind: Deployment, name: ticker-service}", hpa)
        asked = re.findall(r"metric: \{name: (\w+)\}", hpa)
        adapter = (PACKAGING / "kubernetes/metrics-adapter.yaml").read_text(encoding="utf-8")
        series = re.search(r'__name__=~"([^"]+)"', adapter)[1]
        self.assertEqual(len(asked), 2)
        for name in asked:
            self.assertRegex(name, f"^(?:{series})$")
        # What the adapter asks Prometheus for, with what it puts in.
        query = re.search(r'metricsQuery: "(.*)"', adapter)[1]
        for old, new in (("<<.GroupBy>>", "pod"), ("<<.Series>>", asked[0]),
                         ("<<.LabelMatchers>>", 'namespace="n",pod=~"a|b"')):
            self.assertIn(old, query)
            query = query.replace(old, new)
        rule = f"groups: [{{name: a, rules: [{{record: 'a:b', expr: '{query}'}}]}}]"
        good, said = self.passes("promtool", "check", "rules", self.write("rule.yml", rule))
        self.assertTrue(good, said)

    def test_dockerfile(self):
        file = PACKAGING / "docker/Dockerfile"
        lint = ("node_modules/.bin/dockerfile-utils", "lint")
        good, said = self.passes(*lint, file)
        self.assertTrue(good, said)
        text = file.read_text(encoding="utf-8").replace("--timeout=", "--timout=")
        good, said = self.passes(*lint, self.write("Dockerfile", text))
        self.assertFalse(good)
        self.assertIn("timout", said)

    def test_the_image_is_given_all_it_is_built_of(self):
        ignored = (PACKAGING / "docker/Dockerfile.dockerignore").read_text(encoding="utf-8")
        kept = re.findall(r"^!(\S+)$", ignored, re.M)
        lists = "\n".join(pathlib.Path(SOURCE, name).read_text(encoding="utf-8")
                          for name in ("CMakeLists.txt", "packaging/CMakeLists.txt"))
        for name in re.findall(r"(?:add_subdirectory|include)\(([a-z][\w/.]+)\)", lists):
            self.assertTrue(any(name == one or name.startswith(f"{one}/") for one in kept)
                            or name == "tests", f"{name} is not in the image's context")


if __name__ == "__main__":
    main()
