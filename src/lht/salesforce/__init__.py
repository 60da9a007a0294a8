"""The Salesforce client: auth, one request path, describe, SOQL, REST and Bulk."""
