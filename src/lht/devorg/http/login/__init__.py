"""Who may come in: the logins of OAuth and SOAP, and sessions."""
