"""One local server that plays Slack, Statuspage, PagerDuty and Confluence, to try and rehearse."""
