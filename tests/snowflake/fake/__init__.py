"""A fake Snowflake on loopback, under the real connector and Snowpark.

fakesnow lends its login and its DuckDB, sqlglot the translation. What they lack
or bend is put right here, one reason a line; `likeness` holds each of them. What
cannot be done faithfully is refused as a `GapError`, error 9999, never pretended.

Protocol (`server`, `wire`)
    - NULL moments are None: fakesnow sends 1970.
    - A Decimal may be bound, a NULL may be in an array: fakesnow reads only int.
    - An array bound to an INSERT is one statement, all of it or nothing.
    - A request that is repeated gets the answer it got before, as in Snowflake.
    - A login has a master token: without one the connector never ends its session.
    - Statements take turns; several threads gave wrong answers. Who waits for a lock
      gives its turn away.

Transactions (`session`)
    - Every DDL commits; BEGIN twice and an end without a beginning are let pass.
    - A failed statement does not end the transaction, which DuckDB's errors do.
    - UPDATE, DELETE, MERGE, TRUNCATE and INSERT OVERWRITE of one table wait for one
      another's commit, INSERT and COPY for nobody. Until its first change, a
      transaction reads what others have committed; after it, it does not.

SQL (`dialect`, `functions`, `moments`)
    - Functions, types and clauses that sqlglot knows and Snowflake has not are refused.
    - Casts read text as Snowflake does, and fail with its numbers; TRY_ gives NULL.
    - Formats of moments are Snowflake's: FF3, quoted text, TZH and TZM, AUTO.
    - REGEXP_LIKE, HASH, HASH_AGG and the CURRENT_ functions are there.
    - Names are told apart by case, which DuckDB does not.

Tables (`catalog`, `ddl`, `dml`)
    - INFORMATION_SCHEMA tells transient, created, counts, lengths, identity, comments.
    - Temporary tables are a session's own, shadow others, and go with it.
    - A type is only widened; SWAP WITH, LIKE, several columns at once are there.
    - Keys are not enforced, a text's length is.
    - MERGE is DuckDB's own: expressions, transactions, refusal of a row matched twice.
    - INSERT OVERWRITE may read its own target, which fakesnow empties first.

Stages (`stages`, `copying`)
    - Files are bytes in memory, got and put by HTTP; PUT skips a name that is there.
    - LIST, REMOVE and COPY mean a prefix, not a folder; GET and REMOVE are there.
    - COPY reads CSV by Snowflake's rules, remembers what a table loaded, and refuses
      options it cannot follow. ESCAPE_UNENCLOSED_FIELD must be NONE.

Not as in Snowflake, and silent: a division of NUMBERs is a FLOAT; HASH has values of
its own; what the client would encrypt for a stage stays plain. Refused though Snowflake
would not: a transaction over two databases, deleting a row that a MERGE matches twice,
an array of values so large that it goes through a stage.
"""

from tests.snowflake.fake.errors import GapError, RefusedError
from tests.snowflake.fake.server import Server, Statement
from tests.snowflake.fake.web import running

__all__ = ["GapError", "RefusedError", "Server", "Statement", "running"]
