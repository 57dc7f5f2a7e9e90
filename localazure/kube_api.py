"""As much of a Kubernetes API server as kubectl needs to list workloads, patch them and wait for their rollouts.

It keeps what it is given as JSON, applies patches of pod templates, and plays the controllers: a rollout is over when
it begins, unless it is said to get stuck. `forbidden` verbs are refused as RBAC does, `webhook` names workloads whose
patch an admission webhook denies.
"""

import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, override
from urllib.parse import parse_qs, urlsplit

type Json = dict[str, Any]

KINDS = {
    "pods": ("", "Pod"),
    "deployments": ("apps", "Deployment"),
    "daemonsets": ("apps", "DaemonSet"),
    "statefulsets": ("apps", "StatefulSet"),
    "replicasets": ("apps", "ReplicaSet"),
}


class KubeApi:
    """The state of a cluster, and what was asked of it: `patched` names each workload as often as it was patched."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.objects: dict[tuple[str, str, str], Json] = {}
        self.patched: list[str] = []
        self.stuck: set[str] = set()
        self.webhook: set[str] = set()
        self.forbidden: set[str] = set()
        self.url = ""
        self._version = 1

    def add(self, resource: str, name: str, namespace: str = "apps", replicas: int = 1, **spec: Any) -> None:
        """A workload that runs as it should. `pod` is the spec of its pods, the rest its own."""
        pod = spec.pop("pod", {"dnsPolicy": "Default"})
        status = {"observedGeneration": 1, **_status(resource, replicas, replicas)}
        count: Json = {} if resource == "daemonsets" else {"replicas": replicas}
        if resource in {"daemonsets", "statefulsets"}:
            count["updateStrategy"] = {"type": "RollingUpdate"}
        template: Json = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [], **pod}}
        owners = spec.pop("owners", [])
        body: Json = {"spec": {"selector": {}, "template": template, **count, **spec}, "status": status}
        self._put(resource, namespace, name, body, owners)

    def add_pod(self, name: str, namespace: str = "apps", owner: tuple[str, str] | None = None, **spec: Any) -> None:
        """A pod, with its controller's kind and name."""
        owners = [{"kind": owner[0], "name": owner[1], "controller": True}] if owner else []
        body: Json = {"spec": {"containers": [], "dnsPolicy": "Default", **spec}, "status": {"phase": "Running"}}
        self._put("pods", namespace, name, body, owners)

    def _put(self, resource: str, namespace: str, name: str, body: Json, owners: list[Json]) -> None:
        group, kind = KINDS[resource]
        metadata: Json = {"name": name, "namespace": namespace, "generation": 1, "uid": f"{resource}-{name}"}
        if owners:
            metadata["ownerReferences"] = owners
        version = f"{group}/v1".lstrip("/")
        self.objects[resource, namespace, name] = {"apiVersion": version, "kind": kind, "metadata": metadata, **body}
        self._touch(self.objects[resource, namespace, name])

    def annotation(self, resource: str, name: str, namespace: str = "apps") -> str:
        """The move that a workload was restarted for, empty for none."""
        template = self.objects[resource, namespace, name]["spec"]["template"]
        return str(template["metadata"].get("annotations", {}).get("tether/restarted-for", ""))

    def come_up(self, resource: str, name: str, namespace: str = "apps") -> None:
        """What was stuck is not any more."""
        with self.lock:
            self.stuck.discard(name)
            self._roll(resource, self.objects[resource, namespace, name])

    def patch(self, resource: str, namespace: str, name: str, patch: Json) -> Json:
        """Annotations of the pod template, which make a new generation if they change."""
        with self.lock:
            held = self.objects[resource, namespace, name]
            annotations = held["spec"]["template"]["metadata"].setdefault("annotations", {})
            wanted = patch["spec"]["template"]["metadata"]["annotations"]
            self.patched.append(name)
            if any(annotations.get(key) != value for key, value in wanted.items()):
                annotations.update(wanted)
                held["metadata"]["generation"] += 1
                if name not in self.stuck:
                    self._roll(resource, held)
                self._touch(held)
            return held

    def _roll(self, resource: str, held: Json) -> None:
        wanted = held["spec"].get("replicas", held["status"].get("desiredNumberScheduled", 0))
        generation = held["metadata"]["generation"]
        held["status"] = {"observedGeneration": generation, **_status(resource, wanted, wanted)}
        self._touch(held)

    def _touch(self, held: Json) -> None:
        self._version += 1
        held["metadata"]["resourceVersion"] = str(self._version)

    def listed(self, resource: str, namespace: str, name: str = "") -> list[Json]:
        with self.lock:
            mine = [body for key, body in self.objects.items() if key[:2] == (resource, namespace)]
            chosen = [body for body in mine if not name or body["metadata"]["name"] == name]
            copied: list[Json] = json.loads(json.dumps(chosen))
            return copied

    @property
    def version(self) -> str:
        return str(self._version)


def _status(resource: str, wanted: int, updated: int) -> Json:
    if resource == "daemonsets":
        return {"desiredNumberScheduled": wanted, "updatedNumberScheduled": updated, "numberAvailable": updated}
    revisions = {"currentRevision": "1", "updateRevision": "1"} if resource == "statefulsets" else {}
    counts = {"replicas": wanted, "updatedReplicas": updated, "readyReplicas": updated, "availableReplicas": updated}
    return {**counts, **revisions}


@contextmanager
def serving(api: KubeApi) -> Generator[KubeApi]:
    """Serve it on a free port of 127.0.0.1, over HTTP/1.1 without TLS."""

    class Handler(_Handler):
        kube = api

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kube: KubeApi

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(url.query).items()}
        match url.path.strip("/").split("/"):
            case ["version"]:
                self._answer({"major": "1", "minor": "32", "gitVersion": "v1.32.4"})
            case ["api"]:
                self._answer({"kind": "APIVersions", "versions": ["v1"]})
            case ["apis"]:
                version = {"groupVersion": "apps/v1", "version": "v1"}
                group = {"name": "apps", "versions": [version], "preferredVersion": version}
                self._answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]})
            case ["api", "v1"]:
                self._answer(_resources("", "v1"))
            case ["apis", "apps", "v1"]:
                self._answer(_resources("apps", "apps/v1"))
            case [*_, "namespaces", namespace, resource] if resource in KINDS:
                self._list(resource, namespace, asked)
            case [*_, "namespaces", namespace, resource, name] if resource in KINDS:
                self._get(resource, namespace, name)
            case _:
                self._refuse(404, "NotFound", "the stand-in does not have this")

    def do_PATCH(self) -> None:
        patch = json.loads(self.rfile.read(int(self.headers["content-length"])))
        *_, namespace, resource, name = urlsplit(self.path).path.split("/")
        if "patch" in self.kube.forbidden:
            self._forbid("patch", resource)
        elif name in self.kube.webhook:
            self._refuse(403, "Forbidden", 'admission webhook "no.example" denied the request: User cannot do this')
        else:
            self._answer(self.kube.patch(resource, namespace, name, patch))

    def _list(self, resource: str, namespace: str, asked: dict[str, str]) -> None:
        if "list" in self.kube.forbidden:
            self._forbid("list", resource)
            return
        name = asked.get("fieldSelector", "").removeprefix("metadata.name=") if resource != "pods" else ""
        if asked.get("watch") in {"1", "true"}:
            self._watch(resource, namespace, name)
            return
        group, kind = KINDS[resource]
        items = self.kube.listed(resource, namespace, name)
        metadata = {"resourceVersion": self.kube.version}
        version = f"{group}/v1".lstrip("/")
        self._answer({"kind": f"{kind}List", "apiVersion": version, "metadata": metadata, "items": items})

    def _get(self, resource: str, namespace: str, name: str) -> None:
        found = self.kube.listed(resource, namespace, name)
        if found:
            self._answer(found[0])
        else:
            self._refuse(404, "NotFound", f"{resource} {name} not found")

    def _watch(self, resource: str, namespace: str, name: str) -> None:
        """What changes from now on, until the client goes."""
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        told: dict[str, str] = {}
        end = time.monotonic() + 30
        try:
            while time.monotonic() < end:
                for held in self.kube.listed(resource, namespace, name):
                    if told.get(held["metadata"]["name"]) != held["metadata"]["resourceVersion"]:
                        told[held["metadata"]["name"]] = held["metadata"]["resourceVersion"]
                        line = json.dumps({"type": "MODIFIED", "object": held}).encode() + b"\n"
                        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                        self.wfile.flush()
                time.sleep(0.02)
        except OSError:
            self.close_connection = True  # the client has seen enough

    def _forbid(self, verb: str, resource: str) -> None:
        self._refuse(403, "Forbidden", f'{resource} is forbidden: User "somebody@example" cannot {verb} it')

    def _refuse(self, status: int, reason: str, message: str) -> None:
        said = {"status": "Failure", "message": message, "reason": reason, "code": status}
        self._answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, **said}, status)

    def _answer(self, body: Json, status: int = 200) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _resources(group: str, version: str) -> Json:
    held = [
        {
            "name": name,
            "singularName": kind.lower(),
            "namespaced": True,
            "kind": kind,
            "verbs": ["get", "list", "patch"],
        }
        for name, (its, kind) in KINDS.items()
        if its == group
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": held}
