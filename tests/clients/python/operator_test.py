"""Runs the operator, and does what its user would."""

import os
import subprocess
import sys
import time

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

config.load_kube_config()
definitions, custom, apps = client.ApiextensionsV1Api(), client.CustomObjectsApi(), client.AppsV1Api()
definitions.create_custom_resource_definition({
    "metadata": {"name": "databases.example.com"},
    "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "databases", "singular": "database",
             "kind": "Database", "shortNames": ["dbs"]},
             "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
                           "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                               "spec": {"type": "object", "required": ["members"], "properties": {
                                   "members": {"type": "integer", "minimum": 1}}},
                               "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}}}]}})


def eventually(what, check, seconds=60):
    deadline = time.time() + seconds
    while time.time() < deadline:
        try:
            if check():
                return
        except ApiException as refused:
            if refused.status != 404:
                raise
        time.sleep(0.1)
    raise SystemExit("never: " + what)


def established():
    conditions = definitions.read_custom_resource_definition("databases.example.com").status.conditions or []
    return any(c.type == "Established" and c.status == "True" for c in conditions)


eventually("the definition is established", established)
kopf = os.path.join(os.path.dirname(sys.executable), "kopf")
here = os.path.dirname(os.path.abspath(__file__))
operator = subprocess.Popen([kopf, "run", "--standalone", "--all-namespaces", os.path.join(here, "databases.py")])
try:
    of = ("example.com", "v1", "default", "databases")
    body = {"apiVersion": "example.com/v1", "kind": "Database", "metadata": {"name": "shop"}, "spec": {"members": 2}}
    custom.create_namespaced_custom_object(*of, body)
    ready = lambda n: apps.read_namespaced_stateful_set("shop", "default").status.ready_replicas == n
    eventually("two members are ready", lambda: ready(2))
    told = lambda: custom.get_namespaced_custom_object(*of, "shop").get("status", {}).get("reconcile", {}).get("members")
    eventually("the operator says so in the status", lambda: told() == 2)
    custom.patch_namespaced_custom_object(*of, "shop", {"spec": {"members": 3}})
    eventually("three members are ready", lambda: ready(3))
    try:
        custom.patch_namespaced_custom_object(*of, "shop", {"spec": {"members": 0}})
        raise SystemExit("no members were let in")
    except ApiException as refused:
        assert refused.status == 422 and "should be greater than or equal to 1" in refused.body, refused.body
    custom.delete_namespaced_custom_object(*of, "shop")
    gone = lambda: not apps.list_namespaced_stateful_set("default").items
    eventually("the StatefulSet goes with its owner", gone)
finally:
    operator.terminate()
    operator.wait(20)
print("ok")
