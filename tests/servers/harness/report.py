"""The reports of `tidewire check` and the plans of `tidewire setup`, read from their JSON."""

import json


class Report:
    """A finished `tidewire check --json`."""

    prefix = "TW-CHECK-PG-"

    def __init__(self, run):
        self.run = run
        self.exit = run.end(60)
        self.text = b"".join(run.lines).decode()
        self.whole = json.loads(self.text)
        self.findings = {}
        for each in self.whole["findings"]:
            assert each["code"] not in self.findings, f"{each['code']} comes twice"
            self.findings[each["code"]] = each
        assert (self.exit == 0) == self.whole["ready"], self.describe()

    def __getitem__(self, code: str) -> dict:
        return self.findings[self.prefix + code]

    def status(self, code: str) -> str:
        return self[code]["status"]

    def with_status(self, status: str) -> list[str]:
        return [code.removeprefix(self.prefix) for code, each in self.findings.items() if each["status"] == status]

    def fixes(self, code: str, kind: str = "sql") -> list[str]:
        return [each["text"] for each in self[code]["fixes"] if each["kind"] == kind]

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
