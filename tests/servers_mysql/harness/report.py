"""The reports of `tidewire check` and the plans of `tidewire setup`, read from their JSON."""

import json
import subprocess

from . import BINARY
from .stream import environment


def tidewire(*arguments: object, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          env=environment() | variables)


class Report:
    """A finished `tidewire check --json`."""

    def __init__(self, *arguments: object, **variables: str):
        self.run = tidewire("check", *arguments, "--json", **variables)
        self.exit = self.run.returncode
        assert self.run.stdout, self.run.stderr
        self.whole = json.loads(self.run.stdout)
        self.findings = {}
        for each in self.whole["findings"]:
            assert each["code"] not in self.findings, f"{each['code']} comes twice"
            self.findings[each["code"]] = each
        assert (self.exit == 0) == self.whole["ready"], self.describe()

    def __getitem__(self, code: str) -> dict:
        assert f"TW-CHECK-MY-{code}" in self.findings, self.describe()
        return self.findings[f"TW-CHECK-MY-{code}"]

    def status(self, code: str) -> str:
        return self[code]["status"]

    def with_status(self, status: str) -> list[str]:
        return [code.removeprefix("TW-CHECK-MY-") for code, each in self.findings.items() if each["status"] == status]

    def fixes(self, code: str, kind: str = "sql") -> list[str]:
        return [each["text"] for each in self[code]["fixes"] if each["kind"] == kind]

    def can_apply(self, code: str) -> str:
        """The statements that put it right as they are."""
        return "\n".join(each["text"] for each in self[code]["fixes"] if each["can_apply"])

    def is_ready(self) -> "Report":
        """Nothing failed and nothing could not be found out."""
        assert self.exit == 0 and not self.with_status("fail") and not self.with_status("unknown"), self.describe()
        return self

    def describe(self) -> str:
        lines = [f"exit code {self.exit}"]
        for each in self.whole["findings"]:
            lines.append(f"{each['status']:8}{each['code']}: {each['found']}")
            lines += [f"        {fix['kind']}: {fix['text']}" for fix in each["fixes"]]
        return "\n".join(lines) + f"\n{self.run.stderr}"


class Done:
    """A finished `tidewire setup --json`."""

    def __init__(self, *arguments: object, **variables: str):
        self.run = tidewire("setup", *arguments, "--json", **variables)
        self.exit = self.run.returncode
        self.whole = json.loads(self.run.stdout) if self.run.stdout else {}
        self.steps = self.whole.get("steps", [])
        self.password = self.whole.get("password")

    def texts(self, state: str | None = None) -> list[str]:
        return [step["text"] for step in self.steps if state in (None, step["state"])]

    def describe(self) -> str:
        return f"exit code {self.exit}\n" + "\n".join(map(str, self.steps)) + "\n" + self.run.stderr
