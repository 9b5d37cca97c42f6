"""What flowrig reads is data: no module of it can execute what stands in a file."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path for folder in ("core", "plugins", "examples") for path in (ROOT / folder).rglob("*.py")
)
MODULES = {
    "pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "joblib", "yaml",
}  # fmt: skip
FUNCTIONS = {"eval", "exec", "compile", "__import__"}
ATTRIBUTES = {
    ("torch", "load"), ("torch", "save"), ("os", "system"), ("os", "popen"),
    ("subprocess", "getoutput"), ("subprocess", "getstatusoutput"), ("pd", "read_pickle"),
    ("pandas", "read_pickle"), ("builtins", "eval"), ("builtins", "exec"),
}  # fmt: skip
SWITCHES = {"shell", "allow_pickle"}
"""Arguments that may only be False."""

FORBIDDEN = {
    "eval": "eval(input())",
    "exec": "exec(input())",
    "pickle": "import pickle",
    "pickle from": "from pickle import loads",
    "marshal": "import marshal",
    "shelve": "import shelve",
    "dill": "import dill",
    "cloudpickle": "import cloudpickle",
    "joblib": "from joblib import load",
    "yaml": "import yaml",
    "torch load": "import torch\ntorch.load('x')",
    "shell": "import subprocess\nsubprocess.run('ls', shell=True)",
    "system": "import os\nos.system('ls')",
    "popen": "import os\nos.popen('ls')",
}
ONLY_HERE = {"numpy": "import numpy as np\nnp.load('x', allow_pickle=True)"}
"""What ruff has no rule for."""


def offences(source: str) -> Iterator[str]:
    """What a module does that could execute what it reads."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (n.name for n in names if n.name.partition(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module), names=names):
                if module.partition(".")[0] in MODULES:
                    yield module
                yield from (n.name for n in names if (module, n.name) in ATTRIBUTES)
            case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
                yield name
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if (owner, name) in ATTRIBUTES:
                yield f"{owner}.{name}"
            case ast.keyword(arg=str(name), value=value) if name in SWITCHES:
                if not (isinstance(value, ast.Constant) and value.value is False):
                    yield f"{name}={ast.unparse(value)}"
            case _:
                pass


@pytest.mark.parametrize("snippet", [*FORBIDDEN.values(), *ONLY_HERE.values()])
def test_the_search_finds_it(snippet: str) -> None:
    """Each way to execute what was read would be found."""
    assert list(offences(snippet))


def test_no_module_executes_what_it_reads() -> None:
    """Neither core nor plugins nor examples: no pickle, no eval, no shell."""
    found = {
        str(path.relative_to(ROOT)): bad
        for path in SOURCES
        if (bad := list(offences(path.read_text(encoding="utf-8"))))
    }
    assert found == {}


def test_the_linter_refuses_it(tmp_path: Path) -> None:
    """With the project's own settings, so that it shows before any test is run."""
    for name, snippet in FORBIDDEN.items():
        (tmp_path / f"{name.replace(' ', '_')}.py").write_text(snippet + "\n", encoding="utf-8")
    config = ("--config", ROOT / "pyproject.toml", "--no-cache", "--select", "S,TID251")
    words = [sys.executable, "-m", "ruff", "check", *config, "--output-format", "json", tmp_path]
    said = subprocess.run(list(map(str, words)), capture_output=True, encoding="utf-8", check=False)
    found = {Path(one["filename"]).stem for one in json.loads(said.stdout)}
    assert found == {name.replace(" ", "_") for name in FORBIDDEN}


def test_every_exception_is_justified() -> None:
    """A line that a security rule would refuse says why it may stand; so does a list of files."""
    for path in SOURCES:
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"# noqa: .*\bS\d{3}", line):
                assert re.search(r"# noqa: [A-Z0-9, ]+ - \w", line), f"{path.name}: {line}"
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    ignores = tomllib.loads(text)["tool"]["ruff"]["lint"]["per-file-ignores"]
    without_security = {files for files, codes in ignores.items() if "S" in codes}
    assert without_security == {"tests/**", "examples/**", "benchmarks/**", ".ci/**"}
