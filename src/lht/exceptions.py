"""Every error a user can meet.

LHTError                     .code .hint .transient .retry_after .context
|- ConfigError               nothing has moved; the user can fix it
|  |- ConnectionNotFoundError
|  `- MissingExtraError
|- SalesforceError           .status .error_code
|  |- SalesforceAuthError
|  |- SalesforceAPIError     other 4xx
|  |  |- SalesforceLimitError        quota used up
|  |  `- BulkRefusedError            .reason: REST can do it
|  |- SalesforceUnavailableError     5xx and transport; transient
|  `- BulkJobError           Failed, Aborted or timed out
|- SchemaError               a human decides
|  |- UnknownFieldTypeError
|  |- SchemaDriftError
|  `- MissingKeyError
|- WarehouseError
|  |- WarehouseUnavailableError      transient
|  |- TargetBusyError        another run holds the target; try later
|  `- CommitStateUnknownError        it may have landed
|- DataError
|  |- DuplicateKeyError
|  |- UnencodableValueError
|  `- RowCountMismatchError
|- StateError                unreadable, or written by a newer lht
|- InternalError             a bug
|- StoppedError              the caller asked to stop
`- SyncError                 some objects failed; .report has them all
"""

from typing import Any, ClassVar, Literal


class LHTError(Exception):
    """Base of all errors of lht.

    Args:
        message: What happened, without secrets and without row values.
        hint: What the caller can do about it.
        why: The foreign words that caused it, unaltered.
        retry_after: Seconds after which a retry may succeed.
        context: Identifying facts (sobject, job_id, table ...).
    """

    code: ClassVar[str] = "failed"
    transient: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        why: str | None = None,
        retry_after: float | None = None,
        **context: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.why = why
        self.retry_after = retry_after
        self.context = {k: v for k, v in context.items() if v is not None}
        for label, text in (("why", why), ("hint", hint)):
            if text:
                self.add_note(f"{label}: {text}")  # a bare traceback tells all


class ConfigError(LHTError):
    """A setting or argument is missing or wrong. Nothing has moved."""

    code = "config"
    exit_code = 2


class ConnectionNotFoundError(ConfigError):
    """A named connection does not exist; the message lists the known ones."""

    code = "connection_not_found"


class MissingExtraError(ConfigError):
    """An optional dependency is missing; the hint is the exact pip line."""

    code = "missing_extra"

    def __init__(self, extra: str, module: str) -> None:
        super().__init__(
            f"this needs {module}, which is not installed",
            hint=f'pip install "lht[{extra}]"',
            extra=extra,
        )


class SalesforceError(LHTError):
    """Salesforce answered with an error, or did not answer."""

    code = "salesforce"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        error_code: str | None = None,
        **rest: Any,
    ) -> None:
        super().__init__(message, status=status, error_code=error_code, **rest)
        self.status = status
        self.error_code = error_code


class SalesforceAuthError(SalesforceError):
    """Salesforce refused the credentials, or the session and its renewal."""

    code = "auth"
    exit_code = 4


class SalesforceAPIError(SalesforceError):
    """Salesforce refused a request (4xx)."""

    code = "salesforce_refused"


class SalesforceLimitError(SalesforceAPIError):
    """A quota of the org is used up. Resumable later."""

    code = "salesforce_limit"
    exit_code = 5


class BulkRefusedError(SalesforceAPIError):
    """Bulk API 2.0 does not offer this query; the REST API may.

    ``reason`` is ``"object"`` (not supported by Bulk) or ``"field"`` (a selected
    field or construct is not). No job was created.
    """

    code = "bulk_refused"

    def __init__(
        self, message: str, *, reason: Literal["object", "field"], **rest: Any
    ) -> None:
        super().__init__(message, reason=reason, **rest)
        self.reason = reason


class SalesforceUnavailableError(SalesforceError):
    """Salesforce is down, overloaded or unreachable."""

    code = "salesforce_unavailable"
    transient = True
    exit_code = 5


class BulkJobError(SalesforceError):
    """A bulk job ended as Failed or Aborted, or did not end in time."""

    code = "bulk_job_failed"

    def __init__(
        self,
        message: str,
        *,
        job_id: str,
        state: str,
        rows_processed: int = 0,
        **rest: Any,
    ) -> None:
        super().__init__(message, job_id=job_id, state=state, **rest)
        self.job_id = job_id
        self.state = state
        self.rows_processed = rows_processed


class SchemaError(LHTError):
    """The shape of source and target do not fit; a human decides."""

    code = "schema"


class UnknownFieldTypeError(SchemaError):
    """Salesforce describes a field with a type that lht does not know."""

    code = "unknown_field_type"


class SchemaDriftError(SchemaError):
    """A column cannot follow its field without a human's decision."""

    code = "schema_drift"


class MissingKeyError(SchemaError):
    """The target table has no key column. Nothing has moved."""

    code = "missing_key"


class WarehouseError(LHTError):
    """The warehouse refused a statement. The transaction was rolled back."""

    code = "warehouse"

    def __init__(
        self,
        message: str,
        *,
        statement: str | None = None,
        query_id: str | None = None,
        **rest: Any,
    ) -> None:
        super().__init__(message, query_id=query_id, **rest)
        self.statement = statement
        self.query_id = query_id


class WarehouseUnavailableError(WarehouseError):
    """The warehouse cannot be reached or opened now."""

    code = "warehouse_unavailable"
    transient = True
    exit_code = 5


class TargetBusyError(WarehouseError):
    """Another run holds the target table. Nothing has moved."""

    code = "target_busy"
    exit_code = 5


class CommitStateUnknownError(WarehouseError):
    """The connection was lost while committing: it may have landed."""

    code = "commit_unknown"
    exit_code = 6


class DataError(LHTError):
    """The records themselves are the problem. Nothing has moved."""

    code = "data"


class DuplicateKeyError(DataError):
    """A key occurs more than once. Nothing has moved."""

    code = "duplicate_key"


class UnencodableValueError(DataError):
    """A value cannot be held by the column its field maps to."""

    code = "unencodable_value"


class RowCountMismatchError(DataError):
    """Counts do not reconcile. Nothing has moved."""

    code = "row_count_mismatch"


class StateError(LHTError):
    """Stored state is unreadable, or was written by a newer lht (``newer``)."""

    code = "state"

    def __init__(self, message: str, *, newer: bool = False, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.newer = newer


class InternalError(LHTError):
    """A bug in lht, or in what listens to it; the cause is attached."""

    code = "internal"


def ours(error: Exception) -> LHTError:
    """Return *error* as one of ours; its own text may hold values and is left out."""
    if isinstance(error, LHTError):
        return error
    internal = InternalError(
        f"a bug in lht: {type(error).__name__}",
        hint="please report it, with what --debug prints",
    )
    internal.__cause__ = error
    return internal


class StoppedError(LHTError):
    """The caller asked to stop (Ctrl-C). Jobs are kept for resuming."""

    code = "interrupted"
    exit_code = 130


class SyncError(LHTError):
    """Some objects of a run failed; ``report`` tells of all of them."""

    code = "sync_incomplete"

    def __init__(self, message: str, *, report: Any, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.report = report


class SyncInterrupted(KeyboardInterrupt):
    """A run was stopped by Ctrl-C; ``report`` tells what is committed."""

    def __init__(self, report: Any) -> None:
        super().__init__("interrupted")
        self.report = report
