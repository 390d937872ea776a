#!/usr/bin/env python3
"""Every test that docs/promises.md names exists, and every picture that it shows."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_names():
    names = set()
    for path in (ROOT / "tests").rglob("*.cpp"):
        # A name may be written as several literals.
        for literals in re.findall(r'TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)', path.read_text()):
            names.add("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals)))
    return names


def main():
    page = (ROOT / "docs/promises.md").read_text()
    known = test_names()
    promised = re.findall("“([^”…]+)”", page)
    problems = [f"no test is called: {name}" for name in promised if name not in known]
    problems += [f"no picture: {name}" for name in re.findall(r"\]\(([^)]+\.svg)\)", page) if not (ROOT / "docs" / name).exists()]
    if len(promised) < 40:
        problems.append(f"only {len(promised)} tests are named")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
