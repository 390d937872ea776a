"""Runs the Python client of docs/protocol.md against a real cluster, through crashes.

usage: python_client_test.py protocol.md PROGRAMS_DIR

The blocks "```python client" (at most 30 lines of code) and "```python example" are taken from the document as they
stand. Exits with 77, which counts as skipped, where Debian's python3-zmq or python3-msgpack is missing.
"""
import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

CLIENT_LINES_MAX = 30
PATIENCE_SECONDS = 30
STEPS = 300

RING = "Specification: ring\nTransitions:\ns0 --[tick]-> s0\n"


def block(text, info):
    found = re.search(r"^```" + re.escape(info) + r"\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    if found is None:
        sys.exit(f"docs/protocol.md has no block tagged `{info}`")
    return found.group(1)


class Cluster:
    def __init__(self, programs, directory):
        self.programs, self.directory = programs, directory
        self.endpoint = f"ipc://{directory}/run/frontend.sock"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SPEX_")}
        self.log = open(os.path.join(directory, "log"), "w", encoding="utf-8")
        self.spexd = subprocess.Popen(
            [f"{programs}/spexd", "--data-dir", f"{directory}/data", "--run-dir", f"{directory}/run", "--specs-dir",
             f"{directory}/specs", "--impl-models-dir", f"{directory}/models", "--distribution-factor", "2",
             "--max-restarts", "1000"], env=environment, stdout=self.log, stderr=self.log)
        subprocess.run([f"{programs}/spexctl", "wait-ready", "--timeout", f"{PATIENCE_SECONDS}s", "--endpoint",
                        self.endpoint], check=True, env=environment)

    def pids(self):
        shown = subprocess.run([f"{self.programs}/spexctl", "status", "--json", "--run-dir", f"{self.directory}/run"],
                               stdout=subprocess.PIPE, check=False)
        return {child["id"]: child["pid"] for child in json.loads(shown.stdout)["children"]}

    def kill(self, child):
        os.kill(self.pids()[child], signal.SIGKILL)

    def stop(self):
        self.spexd.send_signal(signal.SIGTERM)
        status = self.spexd.wait(PATIENCE_SECONDS)
        assert status == 0, f"spexd ended with {status}"


def check(client_source, example_source, cluster):
    module = {"endpoint": cluster.endpoint}
    exec(compile(client_source, "python client", "exec"), module)  # pylint: disable=exec-used
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        exec(compile(example_source, "python example", "exec"), module)  # pylint: disable=exec-used
    assert shown.getvalue().strip() == "delivered", f"the example printed {shown.getvalue()!r}"

    spex = module["Spex"](cluster.endpoint, wait=1.0)
    spex.call("define_specification", None, RING)
    identifiers = ["a", 1, 1.5, True, None, b"\x00\xff", ["order", 7], {"k": [1, None]}]
    for identifier in identifiers:
        spex.call("init_instance", identifier, "ring")
    try:
        spex.call("transition", "nobody", "tick", "s0")
        raise AssertionError("a transition of an unknown instance was accepted")
    except RuntimeError as error:
        assert error.args[:2] == ("InstanceError", "instance_identifier_not_found"), error.args
    for step in range(STEPS):
        if step in (50, 150):
            cluster.kill("shard-1")
        if step in (100, 200):
            cluster.kill("router")
        if step == 250:
            cluster.kill("shard-2")
        spex.call("transition", identifiers[step % len(identifiers)], "tick", "s0", step)
    for number, identifier in enumerate(identifiers):
        instance = spex.call("get_instance", identifier)
        seen = [record[3] for record in reversed(instance["transitions"]) if record[0] == "tick"]
        wanted = list(range(number, STEPS, len(identifiers)))
        assert seen == wanted, f"{identifier!r}: {len(seen)} records, {len(wanted)} wanted"


def main():
    try:
        import msgpack  # noqa: F401  pylint: disable=unused-import,import-outside-toplevel
        import zmq  # noqa: F401  pylint: disable=unused-import,import-outside-toplevel
    except ImportError as missing:
        print(f"skipped: {missing}; Debian's python3-zmq and python3-msgpack are needed")
        sys.exit(77)
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    client_source = block(text, "python client")
    lines = [line for line in client_source.splitlines() if line.strip()]
    assert len(lines) <= CLIENT_LINES_MAX, f"the client has {len(lines)} lines"
    with tempfile.TemporaryDirectory(prefix="spex-python-") as directory:
        cluster = Cluster(os.path.abspath(sys.argv[2]), directory)
        begin = time.monotonic()
        try:
            check(client_source, block(text, "python example"), cluster)
            cluster.stop()
        except BaseException:
            cluster.log.flush()
            with open(os.path.join(directory, "log"), encoding="utf-8", errors="replace") as log:
                print(log.read()[-10_000:])
            raise
        finally:
            cluster.spexd.kill()
            cluster.spexd.wait()
        print(f"{len(lines)} lines of client, {STEPS} transitions through five crashes, "
              f"{time.monotonic() - begin:.1f} s")


if __name__ == "__main__":
    main()
