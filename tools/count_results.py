#!/usr/bin/python3
"""Print "PASSED FAILED" for a JUnit report of ctest or pytest. A test that was not run counts as failed, unless it was
skipped on purpose and said why; a report that is missing or damaged counts as one failure."""

import sys
import xml.etree.ElementTree as ElementTree


def count(path):
    passed = failed = 0
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "notrun":
            failed += 1
        elif case.find("skipped") is None:
            passed += 1
    return passed, failed


if __name__ == "__main__":
    try:
        print(*count(sys.argv[1]))
    except (OSError, ElementTree.ParseError) as error:
        print(f"{sys.argv[1]}: {error}", file=sys.stderr)
        print(0, 1)
