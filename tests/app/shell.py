"""The command line as tests use it: run in this process, with a data folder of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from app.cli import app


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Runs `overlev --data FOLDER …`; `env` is what else the command finds in its environment."""

    folder: Path
    env: dict[str, str | None]

    def __call__(self, *words: object, now: str | None = None, code: int = 0) -> Answer:
        """Run a command that must end with `code`; `now` freezes the clock."""
        before = ["--data", str(self.folder), *(["--now", now] if now else [])]
        result = CliRunner().invoke(
            app, [*before, *(str(word) for word in words)], env=self.env, catch_exceptions=False
        )
        answer = Answer(result.exit_code, result.stdout, result.stderr)
        assert answer.code == code, answer
        assert "Traceback" not in answer.err
        return answer

    def case(self, inmate_no: str, *, now: str | None = None) -> dict[str, Any]:
        """One case as JSON."""
        found: dict[str, Any] = self("case", inmate_no, "--json", now=now).json
        return found

    def task(self, inmate_no: str, code: str, *, now: str | None = None) -> dict[str, Any]:
        """One task of a case."""
        steps = self.case(inmate_no, now=now)["steps"]
        return next(task for step in steps for task in step["tasks"] if task["task"] == code)
