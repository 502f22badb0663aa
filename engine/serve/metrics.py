"""What Prometheus reads from `/metrics`."""

from prometheus_client import CollectorRegistry, Counter, Histogram


class Metrics:
    """The numbers of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "harmony_http_requests_total",
            "Requests, by path and status.",
            ("path", "status"),
            registry=self.registry,
        )
        self.clicks = Counter(
            "harmony_slack_answers_total",
            "Answers to gates that came from Slack, by what became of them.",
            ("result",),
            registry=self.registry,
        )
        self.alerts = Counter(
            "harmony_alerts_total",
            "Deliveries of alerts, by source and what became of them.",
            ("source", "result"),
            registry=self.registry,
        )
        self.answering = Histogram(
            "harmony_slack_answer_seconds",
            "From a click to the run's reply.",
            registry=self.registry,
        )
