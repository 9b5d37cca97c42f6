"""The safety rules are few and need nothing but the standard library."""

import ast
import sys
from pathlib import Path

import flowrig.safety_rules

FILES = sorted(Path(flowrig.safety_rules.__file__).parent.glob("*.py"))


def test_the_rules_are_small_enough_to_be_read_at_once() -> None:
    """What everybody's safety hangs on has fewer than 800 lines in all."""
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in FILES) < 800


def test_the_rules_import_nothing_but_the_standard_library() -> None:
    """No package that is installed can change what a rule says."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                module = node.module or ""
                own = module.startswith("flowrig.safety_rules")
                assert own or module.partition(".")[0] in sys.stdlib_module_names, file
            elif isinstance(node, ast.Import):
                assert {alias.name for alias in node.names} <= sys.stdlib_module_names, file
