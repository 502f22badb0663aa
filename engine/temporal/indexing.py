"""Whether a namespace has Harmony's search attributes, by which lists of runs are filtered."""

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError

from engine.interpreter.ending import ATTRIBUTES


async def is_indexed(client: Client) -> bool:
    """True where every attribute is there; without them runs keep the same in their memo."""
    try:
        found = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError:
        return False  # as where the operator's service is closed to this client
    return all(key.name in found.custom_attributes for key in ATTRIBUTES)
