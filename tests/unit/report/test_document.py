"""The JSON documents: a contract, held by schemas and by golden files."""

import json
from dataclasses import replace
from importlib.resources import files

import jsonschema
import pytest

from lht.exceptions import SalesforceLimitError
from lht.report import document
from lht.report.values import ErrorReport, Status

SCHEMAS = files("lht.report") / "schemas"
NAMES = ("sync", "plan", "runs", "objects")
ACCOUNT = {
    "name": "Account",
    "label": "Account",
    "key_prefix": "001",
    "queryable": True,
    "replicateable": True,
    "custom": False,
    "deprecated": False,
    "records": 12,
}


def schema(name):
    return json.loads((SCHEMAS / f"lht.{name}.1.json").read_text("utf-8"))


def check(told, name):
    """The document is JSON, fits its schema, and has no key the schema lacks."""
    text = json.dumps(told, ensure_ascii=False, indent=2)
    again = json.loads(text)
    jsonschema.validate(again, closed(schema(name)))
    return text


def closed(node):
    """Return a schema that refuses keys it does not name."""
    if isinstance(node, list):
        return [closed(n) for n in node]
    if not isinstance(node, dict):
        return node
    shut = {k: closed(v) for k, v in node.items()}
    return shut | {"additionalProperties": False} if "required" in node else shut


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_a_schema(name):
    """What ships as a schema can be used as one."""
    jsonschema.Draft202012Validator.check_schema(schema(name))


def test_the_document_of_a_success(report, golden):
    """Every key is there, null where there is nothing to tell."""
    golden("report.json", check(report.to_dict(), "sync"))


def test_the_document_of_a_failure(partial, golden):
    """Errors stand with their objects and together, with what is left behind."""
    golden("partial.json", check(partial.to_dict(), "sync"))


def test_the_document_of_a_plan(plan, golden):
    """A plan tells what will change, object by object."""
    golden("plan.json", check(plan.to_dict(), "plan"))


def test_a_plan_that_cannot_be_done_tells_its_class(plan):
    """Objects that fail for one reason give that reason's exit code, else 1."""

    def failing(*codes):
        errors = [
            ErrorReport(code="x", message="m", exit_code=c, context={}) for c in codes
        ]
        objects = [
            replace(o, error=e) for o, e in zip(plan.objects, errors, strict=False)
        ]
        told = replace(plan, objects=tuple(objects)).to_dict()
        check(told, "plan")
        return told["status"], told["exit_code"]

    assert failing(4, 4) == ("failed", 4)
    assert failing(4, 5) == ("failed", 1)


def test_the_document_of_a_history(report, partial, golden):
    """The history has one entry a run, also for a run that died early."""
    died = replace(report, status=Status.DIED, exit_code=1, objects=(), place=None)
    told = document.runs_document([report, partial, died])
    golden("runs.json", check(told, "runs"))


def test_the_document_of_objects():
    """Objects are listed with what tells how they can be synced."""
    check(document.objects_document([ACCOUNT]), "objects")


@pytest.mark.parametrize("name", NAMES)
def test_a_command_without_a_result_still_has_a_document(name):
    """A failure before there is anything to report fits the same schema."""
    error = SalesforceLimitError(
        "enough for today", retry_after=60.0, sobject="Account"
    )
    told = document.failure_document(name, ErrorReport.of(error))
    check(told, name)
    assert told["exit_code"] == SalesforceLimitError.exit_code
    assert told["errors"][0]["retry_after_seconds"] == 60.0
    assert told["result"] is None


def test_an_error_report_holds_only_what_json_can():
    """Facts of any type in an error's context become texts."""
    error = SalesforceLimitError("x", seen_at=SCHEMAS, status=403)
    context = ErrorReport.of(error).context
    assert context == {"status": 403, "seen_at": str(SCHEMAS)}
