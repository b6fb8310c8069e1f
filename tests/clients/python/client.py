"""The official Python client: list, watch, patch, server-side apply, exec, logs."""

import time

from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream

config.load_kube_config()
core, apps = client.CoreV1Api(), client.AppsV1Api()

assert client.VersionApi().get_code().major == "1"
assert len(core.list_node().items) >= 1
core.create_namespace({"metadata": {"name": "py"}})

# What is asked for by pages adds up.
for n in range(5):
    core.create_namespaced_config_map("py", {"metadata": {"name": f"m{n}", "labels": {"odd": str(n % 2)}}, "data": {"n": str(n)}})
page = core.list_namespaced_config_map("py", limit=2, label_selector="odd")
names = [m.metadata.name for m in page.items]
while page.metadata._continue:
    page = core.list_namespaced_config_map("py", limit=2, label_selector="odd", _continue=page.metadata._continue)
    names += [m.metadata.name for m in page.items]
assert names == [f"m{n}" for n in range(5)], names
assert [m.metadata.name for m in core.list_namespaced_config_map("py", label_selector="odd=1").items] == ["m1", "m3"]

# An old resourceVersion conflicts, a patch doesn't.
old = core.read_namespaced_config_map("m0", "py")
core.patch_namespaced_config_map("m0", "py", {"data": {"more": "yes"}})
old.data = {"n": "lost"}
try:
    core.replace_namespaced_config_map("m0", "py", old)
    raise SystemExit("a conflict was expected")
except ApiException as refused:
    assert refused.status == 409, refused
assert core.read_namespaced_config_map("m0", "py").data == {"n": "0", "more": "yes"}

# A watch from a list on tells of what came after it.
begin = core.list_namespaced_config_map("py").metadata.resource_version
core.create_namespaced_config_map("py", {"metadata": {"name": "late"}})
core.delete_namespaced_config_map("late", "py")
seen = []
for event in watch.Watch().stream(core.list_namespaced_config_map, "py", resource_version=begin, timeout_seconds=3):
    seen.append((event["type"], event["object"].metadata.name))
assert seen == [("ADDED", "late"), ("DELETED", "late")], seen

# A pod runs, says something, and is asked.
core.create_namespaced_pod("py", {"metadata": {"name": "p"}, "spec": {
    "terminationGracePeriodSeconds": 2, "containers": [{"name": "c", "image": "busybox", "command": ["sh", "-c", "echo hello; sleep 100000"]}]}})
for event in watch.Watch().stream(core.list_namespaced_pod, "py", timeout_seconds=60):
    if event["object"].status.phase == "Running":
        break
else:
    raise SystemExit("the pod never ran")
deadline = time.time() + 10
while not (log := core.read_namespaced_pod_log("p", "py")) and time.time() < deadline:
    time.sleep(0.1)
assert log == "hello\n", log
said = stream(core.connect_get_namespaced_pod_exec, "p", "py", command=["sh", "-c", "echo out; echo err >&2; exit 3"],
              stderr=True, stdin=False, stdout=True, tty=False, _preload_content=False)
said.run_forever(timeout=20)
assert (said.read_stdout(), said.read_stderr(), said.returncode) == ("out\n", "err\n", 3)

# Server-side apply: each manager owns what it said.
dynamic = client.CustomObjectsApi()
deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
    "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}}
apps.create_namespaced_deployment("py", deployment, field_manager="one")
apps.patch_namespaced_deployment_scale("web", "py", {"spec": {"replicas": 2}})
assert apps.read_namespaced_deployment("web", "py").spec.replicas == 2
try:
    core.read_namespaced_pod("nobody", "py")
    raise SystemExit("a 404 was expected")
except ApiException as missing:
    assert missing.status == 404 and "not found" in missing.body
core.delete_namespace("py")
deadline = time.time() + 60
while any(n.metadata.name == "py" for n in core.list_namespace().items):
    assert time.time() < deadline, "the namespace stays"
    time.sleep(0.2)
print("ok")
