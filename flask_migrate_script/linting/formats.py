"""Findings as code hosts read them: annotations of GitHub's, and SARIF 2.1.0."""

from __future__ import annotations

from typing import Dict, List

from .findings import Finding, Report

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def write_annotations(report: Report) -> List[str]:
    """Return a line for each finding that GitHub shows beside the line of the file.

    How they are written:
    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message
    """
    return [
        f"::error file={_escape_property(one.path)},line={one.line},title={_escape_property(one.name)}::"
        + _escape(f"{one.what}\n{one.why}\nInstead: {one.instead}")
        for one in report.findings
    ]


def document_sarif(report: Report) -> Dict[str, object]:
    """Return the report as SARIF (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html)."""
    rules = {one.name: {"id": one.name, "help": {"text": one.instead}} for one in report.findings}
    driver = {"name": "Flask-Migrate-Script", "rules": list(rules.values())}
    notes = [{"level": "note", "message": {"text": note}} for note in report.notes]
    run = {
        "tool": {"driver": driver},
        "results": [_describe(one) for one in report.findings],
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _describe(finding: Finding) -> Dict[str, object]:
    place = {"artifactLocation": {"uri": _write_uri(finding.path)}, "region": {"startLine": finding.line}}
    return {
        "ruleId": finding.name,
        "level": "error",
        "message": {"text": f"{finding.what}. {finding.why} Instead: {finding.instead}"},
        "locations": [{"physicalLocation": place}],
    }


def _write_uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path.replace("\\", "/"))


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
