"""A Salesforce org on your own machine. Shares no code with the rest of lht."""
