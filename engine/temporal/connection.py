"""The way to Temporal: as the environment says, in the words of Temporal's own programs."""

import asyncio
import os
import re
from collections.abc import Mapping
from typing import Any

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfigProfile
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from engine.errors import ServiceUnavailable
from engine.temporal.converter import DATA_CONVERTER
from engine.temporal.sdk_log import usual_runtime

TASK_QUEUE = "harmony"
CLUSTER_NAMESPACE = "harmony"
EMBEDDED_NAMESPACE = "default"
_USUAL = {
    "dns error": "its host name is not known",
    "InvalidContentType": "what listens there does not speak TLS",
    "UnknownIssuer": "its certificate is not of an authority that is trusted here",
    "NotValidForName": "its certificate is for another name",
    "Expired": "its certificate has expired",
    "CertificateRequired": "it asks for a client's certificate",
    "KeyMismatch": "the client's key is not that of its certificate",
    "grpc-status header missing": "what answers there is not Temporal",
    "(Transport, hyper::Error(": "the connection breaks off: what listens there is not Temporal, "
    "or it asks for TLS or for a client's certificate",
    "code: Unauthenticated": "it refuses the credentials",
    "code: PermissionDenied": "it refuses the credentials",
}
"""What the SDK says of a connection that fails, and what that means."""
_ADDRESS = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}")
_REFUSED = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)


async def connect(
    address: str | None = None,
    *,
    timeout: float = 10,  # noqa: ASYNC109 - a promise of this function
    environment: Mapping[str, str] = os.environ,
    runtime: Runtime | None = None,
) -> Client:
    """A client that has spoken with its namespace.

    `address` is the embedded server's; without it TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE,
    TEMPORAL_API_KEY and TEMPORAL_TLS_* count. ServiceUnavailable in one sentence, within
    `timeout` seconds, where the server cannot be reached or has no such namespace. `runtime` is
    the one whose numbers are looked at.
    """
    settings = _embedded(address) if address is not None else _cluster(environment)
    where = f"{settings['target_host']}, namespace {settings['namespace']}"
    try:
        async with asyncio.timeout(timeout):
            client = await _answering({**settings, "runtime": runtime or usual_runtime()})
            request = DescribeNamespaceRequest(namespace=client.namespace)
            await client.workflow_service.describe_namespace(request)
    except TimeoutError:
        raise ServiceUnavailable(
            f"Temporal did not answer within {timeout:.0f} s at {where}; "
            "check TEMPORAL_ADDRESS and TEMPORAL_TLS_*, or start the server"
        ) from None
    except RPCError as error:
        raise ServiceUnavailable(_refusal(error, where)) from None
    except (RuntimeError, ValueError, OSError) as error:
        raise ServiceUnavailable(
            f"Temporal cannot be reached at {where}: {_reason(error)}; "
            "check TEMPORAL_ADDRESS, TEMPORAL_API_KEY and TEMPORAL_TLS_*"
        ) from None
    return client


async def _answering(settings: dict[str, Any]) -> Client:
    """Connect, and try again while nothing listens: a server may just be starting."""
    while True:
        try:
            return await Client.connect(**settings, data_converter=DATA_CONVERTER)
        except RuntimeError as error:
            if "onnection refused" not in str(error) and "Unavailable" not in str(error):
                raise
            await asyncio.sleep(0.05)


def _embedded(address: str) -> dict[str, Any]:
    return {"target_host": address, "namespace": EMBEDDED_NAMESPACE}


def _cluster(environment: Mapping[str, str]) -> dict[str, Any]:
    """What the environment says; no file is read, so that it alone counts."""
    if environment.get("TEMPORAL_TLS_DISABLE_HOST_VERIFICATION", "").lower() in ("1", "true"):
        raise ServiceUnavailable(
            "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION is not supported; give the server's authority "
            "in TEMPORAL_TLS_SERVER_CA_CERT_PATH, or its name in TEMPORAL_TLS_SERVER_NAME"
        )
    try:
        profile = ClientConfigProfile.load(disable_file=True, override_env_vars=dict(environment))
        settings: dict[str, Any] = dict(profile.to_client_connect_config())
    except (RuntimeError, ValueError, OSError) as error:
        raise ServiceUnavailable(
            f"The way to Temporal is not set up: {_last_words(error)}; check TEMPORAL_TLS_*"
        ) from None
    address = settings.get("target_host")
    if address is None:
        raise ServiceUnavailable("TEMPORAL_ADDRESS is not set; give it as host:port")
    if not _ADDRESS.fullmatch(address):
        raise ServiceUnavailable(f"TEMPORAL_ADDRESS is {address[:100]!r}; give it as host:port")
    return {"namespace": CLUSTER_NAMESPACE, **settings}


def _refusal(error: RPCError, where: str) -> str:
    if error.status == RPCStatusCode.NOT_FOUND:
        return (
            f"Temporal has no such namespace at {where}; set TEMPORAL_NAMESPACE, or create it with "
            "`temporal operator namespace create`"
        )
    if error.status in _REFUSED:
        return (
            f"Temporal refuses the credentials at {where}; "
            "check TEMPORAL_API_KEY, or the client's certificate"
        )
    return f"Temporal does not serve at {where}: {_last_words(error)}"


def _reason(error: BaseException) -> str:
    """Why, in words for people where it is a usual reason: the SDK's are those of its libraries."""
    said = str(error)
    return next((words for mark, words in _USUAL.items() if mark in said), _last_words(error))


def _last_words(error: BaseException) -> str:
    """One line of what may be a long chain."""
    return " ".join(str(error).split())[:300]
