"""Records in the bodies of requests, and what answers say became of them."""

from lht.devorg.errors import OrgError
from lht.devorg.http.wire import Json


def record_values(record: Json) -> Json:
    """Take a record's values out of a body, without its attributes."""
    return {name: value for name, value in record.items() if name != "attributes"}


def saved(id_: str) -> Json:
    """Say that a record is written."""
    return {"id": id_, "success": True, "errors": []}


def refused(error: OrgError) -> Json:
    """Say that a record is not written, and why."""
    return {"success": False, "errors": row_errors(error)}


def row_errors(error: OrgError) -> list[Json]:
    """Render an error as those answers tell it that are about several records."""
    return [
        {
            "statusCode": entry["errorCode"],
            "message": entry["message"],
            "fields": entry.get("fields", []),
        }
        for entry in error.body()
    ]
