"""x"""

from tests.snowflake.fake.errors import Gap, Refused
from tests.snowflake.fake.server import Server, Statement, running

__all__ = ["Gap", "Refused", "Server", "Statement", "running"]
