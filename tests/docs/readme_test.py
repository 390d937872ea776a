"""Executes the terminal example of README.md as a newcomer would type it.

usage: readme_test.py README.md PROGRAMS_DIR

Blocks "```text # file NAME" are written to files first. In blocks "```console # test" the lines that begin with
`$ ` are typed into one bash session; the lines below one are its expected output, in which `…` stands for anything
(alone on a line: for any number of lines). Every command must exit with status 0.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile

TIME_LIMIT_SECONDS = 120


def blocks(text):
    """(info string, lines) of every fenced block."""
    found, current = [], None
    for line in text.splitlines():
        if current is None and line.startswith("```"):
            current = (line[3:].strip(), [])
        elif current is not None and line.strip() == "```":
            found.append(current)
            current = None
        elif current is not None:
            current[1].append(line)
    return found


def commands(lines):
    """[command, expected output lines] in order."""
    found = []
    for line in lines:
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1][0] += "\n" + line[2:]
        elif found:
            found[-1][1].append(line)
    return found


def pattern(expected):
    parts = []
    for line in expected:
        if line.strip() == "…":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append("[^\n]*".join(re.escape(piece) for piece in line.rstrip().split("…")) + r"[ \t]*\n")
    return re.compile("".join(parts))


def run_session(lines, directory, programs):
    """The output and exit status of every command, typed one after another into one bash."""
    script = ""
    for number, line in enumerate(lines):
        script += f"{line}\nprintf '\\n@@%d %d@@\\n' {number} $?\n"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPEX_")}
    environment["PATH"] = programs + ":" + environment["PATH"]
    shell = subprocess.Popen(["bash", "-c", script], cwd=directory, env=environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output = shell.communicate(timeout=TIME_LIMIT_SECONDS)[0].decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, signal.SIGKILL)
        output = shell.communicate()[0].decode("utf-8", "replace")
    finally:
        try:
            os.killpg(shell.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    results, begin = {}, 0
    for mark in re.finditer(r"\n@@(\d+) (\d+)@@\n", output):
        results[int(mark.group(1))] = (output[begin:mark.start()], int(mark.group(2)))
        begin = mark.end()
    return results, output[begin:]


def check_block(lines, files, programs):
    wanted = commands(lines)
    failures = []
    with tempfile.TemporaryDirectory(prefix="spex-readme-") as directory:
        for name, content in files.items():
            with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                file.write("\n".join(content) + "\n")
        results, rest = run_session([command for command, _ in wanted], directory, programs)
        for number, (command, expected) in enumerate(wanted):
            if number not in results:
                failures.append(f"$ {command}\ndid not end; so far:\n{rest}")
                break
            output, status = results[number]
            if status != 0:
                failures.append(f"$ {command}\nexit status {status}:\n{output}")
            if expected and not pattern(expected).fullmatch(output.rstrip() + "\n"):
                failures.append(f"$ {command}\nexpected:\n" + "\n".join(expected) + f"\ngot:\n{output}")
        if failures:
            log = os.path.join(directory, "spexd.log")
            if os.path.exists(log):
                with open(log, encoding="utf-8", errors="replace") as file:
                    failures.append("spexd.log:\n" + file.read())
    return len(wanted), failures


def main():
    readme, programs = sys.argv[1], os.path.abspath(sys.argv[2])
    with open(readme, encoding="utf-8") as file:
        found = blocks(file.read())
    files = {info.split("# file ", 1)[1].strip(): lines for info, lines in found if "# file " in info}
    tested = [lines for info, lines in found if info.split()[:1] == ["console"] and info.endswith("# test")]
    if not tested:
        sys.exit("README.md has no block tagged `console # test`")
    failed = False
    for lines in tested:
        count, failures = check_block(lines, files, programs)
        print(f"{count} commands, {len(failures)} failures")
        for failure in failures:
            failed = True
            print("\n" + failure)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
