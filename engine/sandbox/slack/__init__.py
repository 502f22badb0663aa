"""Slack, played: the Web API, clicks and modals as signed interactions, Socket Mode."""
