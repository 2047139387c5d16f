"""What pods answer themselves: logs, exec, port-forward, eviction."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.client_exceptions import ClientConnectionError

from ..errors import ApiError, bad_request, not_found
from ..kinds import PDBS, PODS
from ..kubelet.logfile import read_log
from ..objects import is_true, labels_of, name_of, parse_time, pod_finished, utc_now
from ..selectors import match_labels
from .request import Target, flag, whole
from .resources import Answer
from .streams import run_exec, run_portforward

if TYPE_CHECKING:
    from ..kubelet.container import Container
    from ..kubelet.node import Kubelet
    from ..registry import Registry

Obj = dict[str, Any]


class PodEndpoints:
    """The subresources of pods that the kubelet behind the server answers."""

    def __init__(self, registry: Registry, node: Kubelet) -> None:
        self._registry = registry
        self._node = node

    async def log(self, request: web.Request, target: Target) -> web.StreamResponse:
        """Streams a container's log. Raises ApiError 400 (no such container, not started), 404."""
        pod = self._pod(target)
        query = request.query
        container = self._container(pod, query.get("container", ""))
        restart = container.state.restarts
        if flag(query, "previous"):
            restart -= 1
            if restart < 0:
                raise bad_request(f'previous terminated container "{container.name}" in pod "{target.name}" not found')
        path = container.log_path(restart)
        if container.state.waiting is not None and not path.exists() and restart > 0:
            # Between two runs kubelet serves the log of the one that ended.
            path = container.log_path(restart - 1)
        if not path.exists():
            reason = (container.state.waiting or {}).get("reason", "ContainerCreating")
            image = reason in ("ErrImagePull", "ImagePullBackOff")
            why = "trying and failing to pull image" if image else f"waiting to start: {reason}"
            raise bad_request(f'container "{container.name}" in pod "{target.name}" is {why}')
        live = container.log if flag(query, "follow") and container.log and container.log.path == path else None
        since = parse_time(query["sinceTime"]) if query.get("sinceTime") else None
        if (seconds := whole(query, "sinceSeconds")) is not None:
            since = utc_now() - timedelta(seconds=seconds)
        chunks = read_log(
            path,
            live,
            tail=whole(query, "tailLines"),
            since=since,
            timestamps=flag(query, "timestamps"),
            limit=whole(query, "limitBytes"),
        )
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        try:
            await response.prepare(request)
            async for chunk in chunks:
                await response.write(chunk)
            await response.write_eof()
        except (ClientConnectionError, ConnectionError):
            pass  # the client has gone: nothing is left to tell it
        return response

    async def exec(self, request: web.Request, target: Target) -> web.StreamResponse:
        """Runs a command in a container. Raises ApiError 400, 404, 500 (the container does not run)."""
        pod = self._pod(target)
        container = self._container(pod, request.query.get("container", ""))
        if not request.query.getall("command", []):
            raise bad_request("you must specify at least 1 command for the container")
        if pod_finished(pod):
            phase = pod["status"]["phase"]
            raise bad_request(f"cannot exec into a container in a completed pod; current phase is {phase}")
        if container.process is None or not container.process.running:
            raise ApiError(500, f'unable to upgrade connection: container not found ("{container.name}")')
        return await run_exec(request, container)

    async def portforward(self, request: web.Request, target: Target) -> web.StreamResponse:
        """Forwards ports of a pod over a WebSocket. Raises ApiError 400, 404."""
        pod = self._pod(target)
        phase = pod.get("status", {}).get("phase")
        if phase != "Running":
            raise bad_request(f"unable to forward port because pod is not running. Current status={phase}")
        return await run_portforward(request, lambda port: self._node.port(pod, port))

    def evict(self, target: Target, body: Obj) -> Answer:
        """Deletes a pod unless a disruption budget forbids. Raises ApiError 404, 429."""
        pod = self._pod(target)
        if not pod_finished(pod) and is_true(pod, "Ready"):
            for budget in self._registry.store.list(PDBS, target.namespace):
                if match_labels(budget["spec"].get("selector"), labels_of(pod)):
                    self._check_budget(budget)
        options = (body.get("deleteOptions") or {}) if isinstance(body, dict) else {}
        self._registry.delete(PODS, target.namespace, target.name, grace=options.get("gracePeriodSeconds"))
        return Answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201)

    def _check_budget(self, budget: Obj) -> None:
        status = budget.get("status") or {}
        if int(status.get("disruptionsAllowed", 0)) > 0:
            return
        need, have = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        text = f"The disruption budget {name_of(budget)} needs {need} healthy pods and has {have} currently"
        details = {"causes": [{"reason": "DisruptionBudget", "message": text}]}
        raise ApiError(429, "Cannot evict pod as it would violate the pod's disruption budget.", details=details)

    def _pod(self, target: Target) -> Obj:
        return self._registry.store.get(PODS, target.namespace, target.name)

    def _container(self, pod: Obj, name: str) -> Container:
        spec = pod["spec"]
        names = [item["name"] for item in spec["containers"]]
        inits = [item["name"] for item in spec.get("initContainers") or []]
        if not name:
            if len(names) > 1:
                tail = f" or one of the init containers: [{' '.join(inits)}]" if inits else ""
                choice = f"choose one of: [{' '.join(names)}]{tail}"
                raise bad_request(f"a container name must be specified for pod {name_of(pod)}, {choice}")
            name = names[0]
        if name not in (*names, *inits):
            raise bad_request(f"container {name} is not valid for pod {name_of(pod)}")
        worker = self._node.worker(pod)
        if worker is None:
            if pod["spec"].get("nodeName"):
                raise bad_request(f'container "{name}" in pod "{name_of(pod)}" is waiting to start: ContainerCreating')
            raise bad_request(f"pod {name_of(pod)} does not have a host assigned")
        found = worker.container(name)
        if found is None:
            raise not_found("", "pods", name_of(pod))
        return found
