"""PagerDuty, played: REST v2, Events v2 and the webhooks v3 that it sends."""
