"""The SQL that prepares a Snowflake account for lht and runs lht inside it.

Pure: names in, statements out; nothing here connects, or knows a secret. Every name and
value is checked before anything is rendered. A script can be run again: what holds
something (databases, schemas, warehouses, roles, users, secrets) is created where there
is none, and otherwise left as it is.
"""
