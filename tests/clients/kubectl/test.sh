# A day with kubectl.
set -euo pipefail
same() { [[ $1 == "$2" ]] || { echo "expected: $2"; echo "     got: $1"; exit 1; }; }
kubectl version
kubectl apply -f - <<'Y'
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 80, name: web}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - name: c
        image: busybox
        command: [sh, -c, "echo I am $(hostname); sleep 100000"]
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
Y
kubectl rollout status statefulset db --timeout=60s
same "$(kubectl get pods -o name | sort | tr '\n' ' ')" "pod/db-0 pod/db-1 "
same "$(kubectl get pvc data-db-0 -o jsonpath='{.status.phase}')" Bound
same "$(kubectl logs db-1)" "I am db-1"
kubectl exec db-0 -- sh -c 'echo kept > /data/file'
same "$(echo typed | kubectl exec -i db-0 -- cat)" typed
set +e; kubectl exec db-0 -- sh -c 'exit 7'; code=$?; set -e
same "$code" 7
kubectl delete pod db-0
kubectl wait --for=condition=Ready pod/db-0 --timeout=60s
same "$(kubectl exec db-0 -- cat /data/file)" kept
kubectl cp db-0:/data/file copied; same "$(cat copied)" kept
kubectl get pods --watch-only -o name > seen & watcher=$!
sleep 1
kubectl scale statefulset db --replicas=3
kubectl wait --for=create pod/db-2 --timeout=60s
kubectl wait --for=condition=Ready pod/db-2 --timeout=60s
kill $watcher
grep -q pod/db-2 seen
kubectl label pod db-2 tier=new
same "$(kubectl get pods -l tier=new -o name)" pod/db-2
[[ $(kubectl explain statefulset.spec.serviceName) == *'FIELD: serviceName'* ]]
set +e; out=$(kubectl get pod nobody 2>&1); code=$?; set -e
same "$code $out" '1 Error from server (NotFound): pods "nobody" not found'
kubectl delete statefulset,service db
kubectl wait --for=delete pod/db-0 --timeout=60s
same "$(kubectl get pvc -o name | wc -l)" 3
