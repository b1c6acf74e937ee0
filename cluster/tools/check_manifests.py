#!/usr/bin/env python3
"""Checks what runs Starling elsewhere: image, compose file, Kubernetes manifests, metrics' alerts and dashboard.

What belongs together must fit: selectors and labels, ports and their names, settings and the program's own table,
secrets and their keys, who may call whom, limits in time, metrics and those that nodes really have. Official schemas and the tools
themselves (nginx, promtool) are asked where they are installed; --all makes their absence a failure. --self-check
breaks the files in memory, one way after another, and fails if any break goes unnoticed.
"""

import argparse
import sys

EXAMPLES = """examples:
  check_manifests.py
  check_manifests.py --self-check
  python3 -m venv v && v/bin/pip install PyYAML kubernetes-validate check-jsonschema && v/bin/python check_manifests.py
  check_manifests.py --program .build/release/starling
"""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--all", action="store_true", help="fail if a tool is not there")
    parser.add_argument("--self-check", action="store_true", help="break the files in memory, and see each break found")
    parser.add_argument("--program", metavar="FILE", help="the program, to compare flags with")
    options = parser.parse_args()
    try:
        from manifests import breaks, facts, keys, kubernetes, outside, programs
    except ModuleNotFoundError as missing:
        sys.exit(f"Error: this needs {missing.name}: apt-get install python3-yaml, or pip install PyYAML")

    checks = kubernetes.CHECKS + outside.CHECKS + keys.CHECKS
    texts = facts.read_texts()
    found, absent = [finding for check in checks for finding in check(facts.Facts(texts))], []
    for tool in programs.TOOLS:
        try:
            found += tool(texts, options)
        except programs.Absent as what:
            absent.append(str(what))
    for finding in found:
        print(finding)
    for what in absent:
        print(f"{'not there' if options.all else 'skipped, not there'}: {what}", file=sys.stderr)
    print(f"{len(checks) + len(programs.TOOLS) - len(absent)} checks, {len(found)} findings")
    missed = []
    if options.self_check and not found:
        missed = list(breaks.unnoticed(checks, texts, options))
        for miss in missed:
            print(miss)
        print(f"{len(breaks.BREAKS) + len(breaks.TOOL_BREAKS)} breaks, {len(missed)} unnoticed")
    return 1 if found or missed or (options.all and absent) else 0


if __name__ == "__main__":
    sys.exit(main())
