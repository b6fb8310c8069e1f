# A chart with a StatefulSet and hooks, from its installation to its end.
set -euo pipefail
chart=$(cd "$(dirname "$0")" && pwd)/chart
export HELM_CACHE_HOME=$PWD/helm HELM_CONFIG_HOME=$PWD/helm HELM_DATA_HOME=$PWD/helm
same() { [[ $1 == "$2" ]] || { echo "expected: $2"; echo "     got: $1"; exit 1; }; }
helm install shop "$chart" --wait --timeout 90s
same "$(helm list --short)" shop
same "$(kubectl get statefulset shop-db -o jsonpath='{.status.readyReplicas}')" 1
# The hook ran before all else, and is kept until the next one.
same "$(kubectl get job shop-before -o jsonpath='{.status.succeeded}')" 1
same "$(kubectl logs job/shop-before)" "before the installation"
helm upgrade shop "$chart" --set replicas=2 --set greeting=two --wait --timeout 90s
same "$(kubectl get statefulset shop-db -o jsonpath='{.status.readyReplicas}')" 2
same "$(kubectl logs job/shop-before)" "before the upgrade"
same "$(kubectl get configmap shop -o jsonpath='{.data.greeting}')" two
same "$(helm get values shop -o json)" '{"greeting":"two","replicas":2}'
helm test shop --timeout 60s
helm rollback shop 1 --wait --timeout 90s
same "$(kubectl get configmap shop -o jsonpath='{.data.greeting}')" one
same "$(kubectl get statefulset shop-db -o jsonpath='{.spec.replicas}')" 1
same "$(helm history shop -o json | python3 -c 'import json,sys; print([(r["revision"], r["status"]) for r in json.load(sys.stdin)])')" \
    "[(1, 'superseded'), (2, 'superseded'), (3, 'deployed')]"
helm status shop
helm uninstall shop --wait --timeout 90s
same "$(helm list --short)" ""
same "$(kubectl get statefulset,service,configmap -l app.kubernetes.io/instance=shop -o name)" ""
# A StatefulSet's claims stay.
same "$(kubectl get pvc -o name | sort | tr '\n' ' ')" "persistentvolumeclaim/data-shop-db-0 persistentvolumeclaim/data-shop-db-1 "
