"""What programs read: JSON, and SARIF by what its schema requires."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from stella_ops.linting.findings import Finding
from stella_ops.linting.forms import as_json, as_sarif, as_text
from stella_ops.origins import Origin

FINDINGS = [
    Finding("undefined-variable", "error", "'x' is defined nowhere", Origin("a b/site.yml", 3, 5), "define it", ("n",)),
    Finding("unused-handler", "warning", "nothing notifies it", Origin("a b/site.yml", 9), None),
    Finding("unused-register", "hint", "never used", Origin("/elsewhere/x.yml"), None),
]
# The properties that "sarif-schema-2.1.0" requires, and the values it allows, of the objects that are written here.
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "$schema": {"type": "string"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name"],
                                "properties": {
                                    "rules": {
                                        "uniqueItems": True,
                                        "items": {
                                            "required": ["id"],
                                            "properties": {
                                                "shortDescription": {"required": ["text"]},
                                                "defaultConfiguration": {
                                                    "properties": {
                                                        "level": {"enum": ["none", "note", "warning", "error"]}
                                                    }
                                                },
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "items": {
                            "required": ["message"],
                            "properties": {
                                "message": {"required": ["text"]},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "locations": {
                                    "items": {
                                        "properties": {
                                            "physicalLocation": {
                                                "required": ["artifactLocation"],
                                                "properties": {
                                                    "artifactLocation": {"properties": {"uri": {"type": "string"}}},
                                                    "region": {
                                                        "properties": {
                                                            "startLine": {"type": "integer", "minimum": 1},
                                                            "startColumn": {"type": "integer", "minimum": 1},
                                                        }
                                                    },
                                                },
                                            }
                                        }
                                    }
                                },
                            },
                        }
                    },
                },
            },
        },
    },
}


def test_json_has_a_document_with_places_and_numbers() -> None:
    told = json.loads(as_json(FINDINGS))
    assert told["summary"] == {"error": 1, "warning": 1, "hint": 1}
    assert told["findings"][0] == {
        "rule": "undefined-variable",
        "severity": "error",
        "file": "a b/site.yml",
        "line": 3,
        "column": 5,
        "message": "'x' is defined nowhere",
        "hint": "define it",
        "notes": ["n"],
    }
    assert told["findings"][1]["column"] is None and told["findings"][2]["line"] is None


def test_sarif_is_what_its_schema_requires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log = json.loads(as_sarif(FINDINGS, tmp_path))
    jsonschema.validate(log, SARIF)
    [run] = log["runs"]
    rules, results = run["tool"]["driver"]["rules"], run["results"]
    assert [rules[each["ruleIndex"]]["id"] for each in results] == [found.rule for found in FINDINGS]
    assert [each["level"] for each in results] == ["error", "warning", "note"]
    places = [each["locations"][0]["physicalLocation"] for each in results]
    assert places[0] == {
        "artifactLocation": {"uri": "a%20b/site.yml"},
        "region": {"startLine": 3, "startColumn": 5},
    }
    assert places[1]["region"] == {"startLine": 9}
    assert places[2] == {"artifactLocation": {"uri": "file:///elsewhere/x.yml"}}
    assert results[0]["message"]["text"] == "'x' is defined nowhere\nn\ndefine it"


def test_text_shows_the_source_with_a_caret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("site.yml").write_text("- hosts: web\n  tasks:\n    - debug: msg={{ x }}\n")
    found = Finding("undefined-variable", "error", "'x' is defined nowhere", Origin("site.yml", 3, 21), "define it", ())
    assert as_text([found]).splitlines() == [
        "site.yml:3:21: error [undefined-variable] 'x' is defined nowhere",
        "  1 | - hosts: web",
        "  2 |   tasks:",
        "  3 |     - debug: msg={{ x }}",
        "    |                     ^",
        "  hint: define it",
        "",
        "1 error",
    ]
    assert as_text([]) == "nothing found\n"
