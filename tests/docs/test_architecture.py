"""The architecture page names what is there, and its picture is that of the import contract."""

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from docs_pages import DOCS, ROOT

PAGE = (DOCS / "architecture.md").read_text(encoding="utf-8")
CORE = ROOT / "core" / "flowrig"
MOST_FILES = 15
MOST_LINES = 50
MOST_PARAMETERS = 8
LOOP_LINES = 150
MOST_ROOMS = 24


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    """The script that draws the picture."""
    spec = importlib.util.spec_from_file_location("drawing", ROOT / ".ci" / "draw_architecture.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rooms() -> list[str]:
    """The folders of the core that hold code."""
    return sorted(init.parent.name for init in CORE.glob("*/__init__.py"))


def test_every_path_that_the_page_names_exists() -> None:
    """Paths in code spans and links lead to files and folders of the project."""
    named = re.findall(r"(?:core|plugins|tests|docs)/[\w./-]*\w", PAGE)
    assert len(named) > 30
    for path in named:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize(
    "name", re.findall(r"`(\w+(?:\.\w+)?)` \(\[((?:core|plugins)/[\w/]+\.py)\]", PAGE)
)
def test_every_name_is_in_the_file_that_the_page_gives(name: tuple[str, str]) -> None:
    """A class, method or function that stands beside a path is defined in that file."""
    word, path = name
    text = (ROOT / path).read_text(encoding="utf-8")
    for part in word.split("."):
        assert re.search(rf"(def|class) {part}\b", text), name


def test_the_picture_is_that_of_the_contract(drawing: ModuleType) -> None:
    """The file is what the script draws now; run `python .ci/draw_architecture.py` if it is not."""
    assert drawing.PICTURE.read_text(encoding="utf-8") == drawing.picture()


def test_no_text_of_the_picture_is_shortened(drawing: ModuleType) -> None:
    """The first docstring line of each room fits into its box."""
    for row in drawing.layers():
        width_px = (drawing.WIDTH - 2 * drawing.MARGIN - drawing.GAP * (len(row) - 1)) / len(row)
        for room in row:
            shown = " ".join(drawing.wrapped(drawing.summary(room), width_px - 20))
            assert shown == drawing.summary(room), room


def test_every_room_stands_in_the_contract(drawing: ModuleType) -> None:
    """Each folder of the core is in one layer, and the data pass through rooms that exist."""
    placed = [room for row in drawing.layers() for room in row]
    assert len(placed) == len(set(placed))
    assert set(rooms()) <= set(placed)
    assert set(drawing.DATA_PATH) <= set(rooms())


def test_the_core_has_few_rooms_and_no_loose_modules() -> None:
    """At most 24 rooms; beside them only what every room stands on."""
    assert len(rooms()) <= MOST_ROOMS
    loose = {file.stem for file in CORE.glob("*.py")}
    assert loose == {"__init__", "__main__", "clock", "errors", "version"}


@pytest.mark.parametrize("package", ["core", "plugins"])
def test_no_folder_is_crowded(package: str) -> None:
    """A folder has at most 15 modules, so that a reader sees them at a glance."""
    for init in (ROOT / package).rglob("__init__.py"):
        modules = list(init.parent.glob("*.py"))
        assert len(modules) <= MOST_FILES or "templates" in init.parts, init.parent


def test_every_room_says_what_lives_there() -> None:
    """The `__init__.py` of each folder of the core begins with a docstring."""
    for init in Path(CORE).rglob("__init__.py"):
        if "templates" not in init.parts:
            assert init.read_text(encoding="utf-8").startswith('"""'), init


@pytest.mark.parametrize("package", ["core/flowrig", "plugins"])
def test_no_function_is_long_or_takes_many_parameters(package: str) -> None:
    """A function has at most 50 lines with its docstring, and at most 8 parameters."""
    for file in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                lines = node.end_lineno - node.lineno + 1
                given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                names = [one.arg for one in given if one.arg not in ("self", "cls")]
                assert lines <= MOST_LINES, f"{file}: {node.name} has {lines} lines"
                assert len(names) <= MOST_PARAMETERS, f"{file}: {node.name} takes {names}"


def test_the_loop_can_be_read_at_a_glance() -> None:
    """The class of the campaign loop has fewer than 150 lines."""
    tree = ast.parse((CORE / "campaign" / "loop.py").read_text(encoding="utf-8"))
    loop = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "CampaignLoop")
    assert loop.end_lineno is not None
    assert loop.end_lineno - loop.lineno + 1 < LOOP_LINES
