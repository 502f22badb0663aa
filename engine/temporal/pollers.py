"""Who polls a task queue, as the server remembers it."""

from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

_ANSWER = timedelta(seconds=5)


async def pollers(client: Client, queue: str) -> list[PollerInfo]:
    """Who has polled a queue's workflows within the last minutes; RPCError where it is not told."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    found = await client.workflow_service.describe_task_queue(request, timeout=_ANSWER)
    return list(found.pollers)


async def may_be_served(client: Client, queue: str) -> bool:
    """False where surely no worker serves this queue; one that has just gone is remembered."""
    try:
        return bool(await pollers(client, queue))
    except RPCError:
        return True
