"""What the documents say is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from pagesight.retrieval import Library, Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_in_the_readme_with_its_default_and_description() -> None:
    rows = {
        name: (default, told)
        for name, default, told in re.findall(r"^\| `PAGESIGHT_(\w+)` \| (.*?) ?\| (.*) \|$", README, re.M)
    }
    assert rows == {
        name.upper(): (
            "" if field.default in (None, ()) else f"`{field.default}`".replace(".0`", "`"),
            field.description,
        )
        for name, field in Settings.model_fields.items()
    }


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_the_readmes_python_runs_on_the_demos_library(
    code: str, demo_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 'open_library("data/libraries/demo")' in code
    exec(compile(code.replace("data/libraries/demo", str(demo_library.path)), "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "annual-report.pdf 9" in printed or ("[1]" in printed and "invoice.pdf" in printed)


def test_every_command_of_the_readme_exists_with_its_options() -> None:
    from pagesight.ui.cli import app

    commands = get_command(app).commands  # pyright: ignore[reportAttributeAccessIssue]
    called = re.findall(r"^pagesight (\w+)(.*)$", README, re.MULTILINE)
    assert {name for name, _ in called} >= {"add", "search", "ask", "ui", "list", "remove", "doctor"}
    for name, rest in called:
        command = commands[name]
        if hasattr(command, "commands") and (below := re.match(r" ([a-z]\w*)", rest)):  # `extract tables`
            command = command.commands[below.group(1)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= options


def test_the_files_that_the_readme_links_to_exist() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
