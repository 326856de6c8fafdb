"""Counts what passed, failed and was skipped in result files: JUnit XML or meson's testlog.json.

  count_results.py FILE EXIT_CODE     prints "passed failed skipped"; names of failures go to stderr

A command that failed without any failure in its file (or without a file) counts as one failure.
"""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree


def count_junit(path: Path) -> tuple[int, list[str], int]:
    passed, failed, skipped = 0, [], 0
    for case in ElementTree.parse(path).iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed.append(f"{case.get('classname', '')} {case.get('name')}".strip())
        elif "skipped" in kinds:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def count_meson(path: Path) -> tuple[int, list[str], int]:
    passed, failed, skipped = 0, [], 0
    for line in path.read_text().splitlines():
        test = json.loads(line)
        if test["result"] in ("OK", "EXPECTEDFAIL"):
            passed += 1
        elif test["result"] == "SKIP":
            skipped += 1
        else:
            failed.append(test["name"])
    return passed, failed, skipped


def main() -> None:
    path, code = Path(sys.argv[1]), int(sys.argv[2])
    passed, failed, skipped = 0, [], 0
    try:
        if path.exists():
            passed, failed, skipped = (count_junit if path.suffix == ".xml" else count_meson)(path)
    except (ElementTree.ParseError, ValueError) as error:
        failed = [f"{path.name} can't be read: {error}"]
    if code and not failed:
        failed = [f"exit code {code}"]
    elif not code and not passed and not failed and path.suffix in (".xml", ".json"):
        failed = [f"{path.name}: no test ran"]
    for each in failed:
        print(f"    failed: {each}", file=sys.stderr)
    print(passed, len(failed), skipped)


if __name__ == "__main__":
    main()
