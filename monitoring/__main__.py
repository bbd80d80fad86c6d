"""Writes what is made of objectives.toml, or a copy of it in which time runs faster.

python3 -m monitoring write               after a change of objectives.toml or of this package
python3 -m monitoring compress FACTOR DIR for a rehearsal: every span divided by FACTOR
python3 -m monitoring mutate              change each number, span and comparison; tests must notice
"""

import argparse
import sys
from pathlib import Path

from monitoring import compression, generated, mutants
from monitoring.objectives import FOLDER, ObjectiveInvalidError


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python3 -m monitoring", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write", help="write rules, tests and dashboards")
    compress = commands.add_parser("compress", help="copy rules and routes with shorter spans")
    compress.add_argument("factor", type=int, help="by which every span is divided, such as 60")
    compress.add_argument("folder", type=Path, help="where the copy is put")
    mutate = commands.add_parser("mutate", help="see that every change of a rule turns a test red")
    mutate.add_argument("--promtool", default="promtool", help="the program that runs the tests")
    return parser


def main(arguments: list[str]) -> int:
    """Does what the command line says; 1 where mutants survive or the objectives are wrong."""
    asked = parser().parse_args(arguments)
    try:
        if asked.command == "write":
            generated.write(FOLDER)
        elif asked.command == "compress":
            compression.compress(FOLDER, asked.folder, asked.factor)
        else:
            return mutants.main(FOLDER, asked.promtool)
    except ObjectiveInvalidError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
