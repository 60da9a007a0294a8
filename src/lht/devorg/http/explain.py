"""How a query would be run: ``/query?explain=``. It is not run.

An org weighs its indexes against each other; this one knows which fields orgs index
(ids, names, references, external ids, audit dates) and counts the rest.
"""

from contextlib import closing

from lht.devorg.http import recent
from lht.devorg.http.query import compile_soql, run_query
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json
from lht.devorg.metadata import Field, SObject

# Source: REST API Developer Guide, "Get Feedback on Query Performance".
_NOTE = "Not considering filter for optimization because unindexed"
_SCAN_COST = 0.65
_INDEXED = frozenset({"CreatedDate", "SystemModstamp", "LastModifiedDate"})


def run(service: Service, call: Call) -> Answer:
    """Answer ``GET /query``, or say what it would do."""
    if "recentlyviewed" in call.params.get("q", "").lower():
        recent.refresh(service, call)
    if "explain" not in call.params:
        return run_query(service, call)
    soql = call.params["explain"]
    compiled = compile_soql(service, soql, all_rows=False)
    sobject = compiled.sobject
    with closing(service.store.cursor()) as db:
        counting = f"SELECT count(*) FROM ({compiled.select('1')})"
        found = db.execute(counting, compiled.params).fetchone()
        everything = db.execute(f'SELECT count(*) FROM "{sobject.name}"').fetchone()
    found_rows, all_rows = (row[0] if row else 0 for row in (found, everything))
    where = soql.lower().partition(" where ")[2]
    used = [f.name for f in sobject.fields if _is_indexed(f) and _names(where, f)]
    plans = [_plan(sobject, [], found_rows, all_rows)]
    if used:
        plans.insert(0, _plan(sobject, used[:1], found_rows, all_rows))
    return Answer(body={"plans": plans, "sourceQuery": soql})


def _names(where: str, field: Field) -> bool:
    """Whether a filter, in lower case, names a field."""
    words = "".join(c if c.isalnum() or c in "_." else " " for c in where).split()
    return field.name.lower() in words


def _is_indexed(field: Field) -> bool:
    if field.name in _INDEXED or field.external_id or field.unique:
        return True
    return field.type in {"id", "reference"} or field.name_field


def _plan(sobject: SObject, fields: list[str], found: int, rows: int) -> Json:
    return {
        "cardinality": found,
        "fields": fields,
        "leadingOperationType": "Index" if fields else "TableScan",
        "notes": [
            {"description": _NOTE, "fields": ["IsDeleted"], "tableEnumOrId": table}
            for table in [sobject.name]
            if "isdeleted" in sobject.by_name
        ],
        "relativeCost": 0.0 if fields else _SCAN_COST,
        "sobjectCardinality": rows,
        "sobjectType": sobject.name,
    }


ROUTES = (("GET", "/query", run),)
