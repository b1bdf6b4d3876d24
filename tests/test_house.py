"""The house rules that tools can check: format, lint, types, and the arrows between the rooms."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "format", "--check", "."],
        ["ruff", "check", "."],
        ["mypy"],
        ["lint-imports"],
    ],
    ids=" ".join,
)
def test_tool_is_content(command: list[str]) -> None:
    ran = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "script", ["app.py", *(f"pages/{p.name}" for p in ROOT.glob("pages/*.py"))]
)
def test_pages_are_thin(script: str) -> None:
    """app.py and the pages import only pages.ui: import-linter cannot see a module at the top."""
    tree = ast.parse((ROOT / script).read_text("utf-8"))
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    modules = {n.module for n in imports if isinstance(n, ast.ImportFrom)}
    assert all(isinstance(n, ast.ImportFrom) for n in imports)
    if script == "app.py":  # the server finds it by this import
        modules.remove("streamlit.starlette")
    assert all((module or "").startswith("pages.ui.") for module in modules)
    assert len(tree.body) <= 4


def test_top_level_is_fixed() -> None:
    allowed = {
        *("app.py", "pages", "segcore", "tests", "requirements.txt", ".streamlit", "README.md"),
        *("LICENSE", "CHANGELOG.md", "pyproject.toml", ".gitignore", ".ci"),
        ".pre-commit-config.yaml",
    }
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {line.split("/")[0] for line in listed.stdout.splitlines()} <= allowed


def test_caching_only_in_pages_ui() -> None:
    users = [
        str(path.relative_to(ROOT))
        for folder in ("segcore", "pages")
        for path in ROOT.glob(f"{folder}/**/*.py")
        if any(
            word in path.read_text("utf-8")
            for word in ("cachetools", "cache_data", "cache_resource")
        )
    ]
    assert users == ["pages/ui/cache.py"]
