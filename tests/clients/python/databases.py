"""An operator: each Database becomes a StatefulSet of its name."""

import kopf
import kubernetes


@kopf.on.login()
def login(**arguments):
    # kopf has a client of its own; the one that makes the StatefulSets is to know the cluster, too.
    kubernetes.config.load_kube_config()
    return kopf.login_with_kubeconfig(**arguments)


@kopf.on.create("example.com", "v1", "databases")
@kopf.on.update("example.com", "v1", "databases", field="spec.members")
def reconcile(spec, name, namespace, body, **_):
    members = spec.get("members", 1)
    labels = {"database": name}
    stateful_set = {
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name},
        "spec": {"serviceName": name, "replicas": members, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels},
                              "spec": {"containers": [{"name": "c", "image": "busybox", "command": ["sleep", "100000"]}]}}},
    }
    kopf.adopt(stateful_set, owner=body)
    apps = kubernetes.client.AppsV1Api()
    try:
        apps.create_namespaced_stateful_set(namespace, stateful_set)
    except kubernetes.client.exceptions.ApiException as refused:
        if refused.status != 409:
            raise
        apps.patch_namespaced_stateful_set(name, namespace, {"spec": {"replicas": members}})
    return {"members": members}
