//! Horizontal pod autoscaling with metrics.

use insta::assert_snapshot;

use super::Session;
use super::load::METRICS_SERVER;

const PHP_APACHE: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: php-apache}
spec:
  selector: {matchLabels: {run: php-apache}}
  template:
    metadata: {labels: {run: php-apache}}
    spec:
      containers:
      - name: php-apache
        image: registry.k8s.io/hpa-example
        ports: [{containerPort: 80}]
        resources: {limits: {cpu: 500m}, requests: {cpu: 200m}}
---
apiVersion: v1
kind: Service
metadata: {name: php-apache}
spec: {ports: [{port: 80}], selector: {run: php-apache}}
"#;

const AUTOSCALER: &str = r#"
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: php-apache}
spec:
  maxReplicas: 10
  minReplicas: 1
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: php-apache}
  targetCPUUtilizationPercentage: 50
status: {currentReplicas: 0, desiredReplicas: 0}
"#;

/// 200m where 100m are aimed at doubles the replicas; 100m less, after five minutes, halve them.
#[test]
fn an_autoscaler_doubles_and_halves() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", METRICS_SERVER);
    session.0.feed("kubectl apply -f -", PHP_APACHE);
    session.0.feed("kubectl apply -f -", AUTOSCALER);
    assert_snapshot!(session.run(&[
        "kstate clock advance 60s",
        "kubectl get hpa",
        "kubectl scale deploy php-apache --replicas=2",
        "kstate load deploy/php-apache --cpu 398m",
        "kstate clock advance 60s",
        "kubectl get hpa",
        "kubectl get deploy",
        "kstate clock advance 60s",
        "kubectl get hpa",
        "kubectl top pod",
        "kstate load deploy/php-apache --cpu 190m",
        "kstate clock advance 60s",
        "kubectl get hpa",
        "kubectl describe hpa php-apache",
        "kstate clock advance 5m",
        "kubectl get hpa",
        "kubectl get deploy",
        "kubectl describe hpa php-apache",
    ]), @"
    $ kstate clock advance 60s
    2026-01-01T00:01:00Z (manual)
    $ kubectl get hpa
    NAME         REFERENCE               TARGETS       MINPODS   MAXPODS   REPLICAS   AGE
    php-apache   Deployment/php-apache   cpu: 0%/50%   1         10        1          60s
    $ kubectl scale deploy php-apache --replicas=2
    deployment.apps/php-apache scaled
    $ kstate load deploy/php-apache --cpu 398m
    load put on deployment/php-apache
    $ kstate clock advance 60s
    2026-01-01T00:02:01Z (manual)
    $ kubectl get hpa
    NAME         REFERENCE               TARGETS        MINPODS   MAXPODS   REPLICAS   AGE
    php-apache   Deployment/php-apache   cpu: 50%/50%   1         10        4          2m1s
    $ kubectl get deploy
    NAME         READY   UP-TO-DATE   AVAILABLE   AGE
    php-apache   4/4     4            4           2m1s
    $ kstate clock advance 60s
    2026-01-01T00:03:01Z (manual)
    $ kubectl get hpa
    NAME         REFERENCE               TARGETS        MINPODS   MAXPODS   REPLICAS   AGE
    php-apache   Deployment/php-apache   cpu: 50%/50%   1         10        4          3m1s
    $ kubectl top pod
    NAME                         CPU(cores)   MEMORY(bytes)   
    php-apache-f69779f9f-7kfk2   100m         9Mi             
    php-apache-f69779f9f-kr774   100m         9Mi             
    php-apache-f69779f9f-lqzjk   100m         9Mi             
    php-apache-f69779f9f-mbxgj   100m         9Mi             
    $ kstate load deploy/php-apache --cpu 190m
    load put on deployment/php-apache
    $ kstate clock advance 60s
    2026-01-01T00:04:01Z (manual)
    $ kubectl get hpa
    NAME         REFERENCE               TARGETS        MINPODS   MAXPODS   REPLICAS   AGE
    php-apache   Deployment/php-apache   cpu: 24%/50%   1         10        4          4m1s
    $ kubectl describe hpa php-apache
    Name:                                                  php-apache
    Namespace:                                             default
    Labels:                                                <none>
    Annotations:                                           <none>
    CreationTimestamp:                                     Thu, 01 Jan 2026 00:00:00 +0000
    Reference:                                             Deployment/php-apache
    Metrics:                                               ( current / target )
      resource cpu on pods  (as a percentage of request):  24% (48m) / 50%
    Min replicas:                                          1
    Max replicas:                                          10
    Deployment pods:                                       4 current / 4 desired
    Conditions:
      Type            Status  Reason               Message
      ----            ------  ------               -------
      AbleToScale     True    ScaleDownStabilized  recent recommendations were higher than current one, applying the highest recent recommendation
      ScalingActive   True    ValidMetricFound     the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)
      ScalingLimited  False   DesiredWithinRange   the desired count is within the acceptable range
    Events:
      Type    Reason             Age    From                       Message
      ----    ------             ----   ----                       -------
      Normal  SuccessfulRescale  2m46s  horizontal-pod-autoscaler  New size: 4; reason: cpu resource utilization (percentage of request) above target
    $ kstate clock advance 5m
    2026-01-01T00:09:01Z (manual)
    $ kubectl get hpa
    NAME         REFERENCE               TARGETS        MINPODS   MAXPODS   REPLICAS   AGE
    php-apache   Deployment/php-apache   cpu: 48%/50%   1         10        2          9m1s
    $ kubectl get deploy
    NAME         READY   UP-TO-DATE   AVAILABLE   AGE
    php-apache   2/2     2            2           9m1s
    $ kubectl describe hpa php-apache
    Name:                                                  php-apache
    Namespace:                                             default
    Labels:                                                <none>
    Annotations:                                           <none>
    CreationTimestamp:                                     Thu, 01 Jan 2026 00:00:00 +0000
    Reference:                                             Deployment/php-apache
    Metrics:                                               ( current / target )
      resource cpu on pods  (as a percentage of request):  48% (96m) / 50%
    Min replicas:                                          1
    Max replicas:                                          10
    Deployment pods:                                       2 current / 2 desired
    Conditions:
      Type            Status  Reason              Message
      ----            ------  ------              -------
      AbleToScale     True    ReadyForNewScale    recommended size matches current size
      ScalingActive   True    ValidMetricFound    the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)
      ScalingLimited  False   DesiredWithinRange  the desired count is within the acceptable range
    Events:
      Type    Reason             Age    From                       Message
      ----    ------             ----   ----                       -------
      Normal  SuccessfulRescale  7m46s  horizontal-pod-autoscaler  New size: 4; reason: cpu resource utilization (percentage of request) above target
      Normal  SuccessfulRescale  46s    horizontal-pod-autoscaler  New size: 3; reason: All metrics below target
      Normal  SuccessfulRescale  31s    horizontal-pod-autoscaler  New size: 2; reason: All metrics below target
    ");
}

#[test]
fn a_generator_of_requests_drives_it_up() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", METRICS_SERVER);
    session.0.feed("kubectl apply -f -", PHP_APACHE);
    assert_snapshot!(session.run(&[
        "kubectl autoscale deployment php-apache --cpu=50% --min=1 --max=10",
        "kstate clock advance 60s",
        "kubectl run load-generator --image=busybox:1.28 --restart=Never -- /bin/sh -c 'while sleep 0.01; do wget -q -O- http://php-apache; done'",
        "kstate clock advance 90s",
        "kubectl get hpa php-apache",
        "kubectl get deployment php-apache",
        "kubectl get events --field-selector involvedObject.kind=HorizontalPodAutoscaler",
        "kubectl delete pod load-generator --now",
        "kstate clock advance 7m",
        "kubectl get hpa php-apache",
    ]), @r#"
    $ kubectl autoscale deployment php-apache --cpu=50% --min=1 --max=10
    horizontalpodautoscaler.autoscaling/php-apache autoscaled
    $ kstate clock advance 60s
    2026-01-01T00:01:04Z (manual)
    $ kubectl run load-generator --image=busybox:1.28 --restart=Never -- /bin/sh -c 'while sleep 0.01; do wget -q -O- http://php-apache; done'
    pod/load-generator created
    $ kstate clock advance 90s
    2026-01-01T00:02:35Z (manual)
    $ kubectl get hpa php-apache
    NAME         REFERENCE               TARGETS        MINPODS   MAXPODS   REPLICAS   AGE
    php-apache   Deployment/php-apache   cpu: 41%/50%   1         10        6          2m35s
    $ kubectl get deployment php-apache
    NAME         READY   UP-TO-DATE   AVAILABLE   AGE
    php-apache   6/6     6            6           2m35s
    $ kubectl get events --field-selector involvedObject.kind=HorizontalPodAutoscaler
    LAST SEEN   TYPE     REASON              OBJECT                               MESSAGE
    80s         Normal   SuccessfulRescale   horizontalpodautoscaler/php-apache   New size: 3; reason: cpu resource utilization (percentage of request) above target
    65s         Normal   SuccessfulRescale   horizontalpodautoscaler/php-apache   New size: 6; reason: cpu resource utilization (percentage of request) above target
    $ kubectl delete pod load-generator --now
    pod "load-generator" deleted from default namespace
    $ kstate clock advance 7m
    2026-01-01T00:09:36Z (manual)
    $ kubectl get hpa php-apache
    NAME         REFERENCE               TARGETS       MINPODS   MAXPODS   REPLICAS   AGE
    php-apache   Deployment/php-apache   cpu: 0%/50%   1         10        1          9m36s
    "#);
}

const METRICS: &str = r#"
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: all}
spec:
  maxReplicas: 10
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: php-apache}
  metrics:
  - {type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 20Mi}}}
  - {type: ContainerResource, containerResource: {name: cpu, container: php-apache, target: {type: Utilization, averageUtilization: 60}}}
  - {type: Pods, pods: {metric: {name: packets-per-second}, target: {type: AverageValue, averageValue: 1k}}}
  behavior:
    scaleUp: {policies: [{type: Pods, value: 1, periodSeconds: 60}]}
    scaleDown: {stabilizationWindowSeconds: 30, policies: [{type: Percent, value: 50, periodSeconds: 30}]}
"#;

#[test]
fn policies_and_metrics_of_many_kinds() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", METRICS_SERVER);
    session.0.feed("kubectl apply -f -", PHP_APACHE);
    session.0.feed("kubectl apply -f -", METRICS);
    assert_snapshot!(session.run(&[
        "kstate load deploy/php-apache --cpu 480m --memory 60Mi",
        "kstate clock advance 65s",
        "kubectl get hpa",
        "kstate clock advance 60s",
        "kubectl get hpa",
        "kubectl describe hpa",
    ]), @r#"
    $ kstate load deploy/php-apache --cpu 480m --memory 60Mi
    load put on deployment/php-apache
    $ kstate clock advance 65s
    2026-01-01T00:01:09Z (manual)
    $ kubectl get hpa
    NAME   REFERENCE               TARGETS                                           MINPODS   MAXPODS   REPLICAS   AGE
    all    Deployment/php-apache   memory: 71056Ki/20Mi, cpu: 120%/60% + 1 more...   1         10        2          69s
    $ kstate clock advance 60s
    2026-01-01T00:02:09Z (manual)
    $ kubectl get hpa
    NAME   REFERENCE               TARGETS                                          MINPODS   MAXPODS   REPLICAS   AGE
    all    Deployment/php-apache   memory: 71056Ki/20Mi, cpu: 80%/60% + 1 more...   1         10        3          2m9s
    $ kubectl describe hpa
    Name:                                                                            all
    Namespace:                                                                       default
    Labels:                                                                          <none>
    Annotations:                                                                     <none>
    CreationTimestamp:                                                               Thu, 01 Jan 2026 00:00:00 +0000
    Reference:                                                                       Deployment/php-apache
    Metrics:                                                                         ( current / target )
      resource memory on pods:                                                       71056Ki / 20Mi
      resource cpu of container "php-apache" on pods  (as a percentage of request):  80% (161m) / 60%
      "packets-per-second" on pods:                                                  <unknown> / 1k
    Min replicas:                                                                    1
    Max replicas:                                                                    10
    Behavior:
      Scale Up:
        Stabilization Window: 0 seconds
        Select Policy: Max
        Policies:
          - Type: Pods  Value: 1  Period: 60 seconds
      Scale Down:
        Stabilization Window: 30 seconds
        Select Policy: Max
        Policies:
          - Type: Percent  Value: 50  Period: 30 seconds
    Deployment pods:       3 current / 3 desired
    Conditions:
      Type            Status  Reason            Message
      ----            ------  ------            -------
      AbleToScale     True    ReadyForNewScale  recommended size matches current size
      ScalingActive   True    ValidMetricFound  the HPA was able to successfully calculate a replica count from memory resource
      ScalingLimited  True    ScaleUpLimit      the desired replica count is increasing faster than the maximum scale rate
    Events:
      Type     Reason               Age                From                       Message
      ----     ------               ----               ----                       -------
      Normal   SuccessfulRescale    114s               horizontal-pod-autoscaler  New size: 2; reason: memory resource above target
      Normal   SuccessfulRescale    54s                horizontal-pod-autoscaler  New size: 3; reason: memory resource above target
      Warning  FailedGetPodsMetric  9s (x8 over 114s)  horizontal-pod-autoscaler  unable to get metric packets-per-second: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered
    "#);
}

/// Without requests there is no percentage.
#[test]
fn what_requests_nothing_is_not_scaled() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", METRICS_SERVER);
    assert_snapshot!(session.run(&[
        "kubectl create deployment web --image=nginx",
        "kubectl autoscale deployment web --cpu=50% --max=3",
        "kstate clock advance 60s",
        "kubectl get hpa",
        "kubectl get events --field-selector involvedObject.kind=HorizontalPodAutoscaler",
    ]), @"
    $ kubectl create deployment web --image=nginx
    deployment.apps/web created
    $ kubectl autoscale deployment web --cpu=50% --max=3
    horizontalpodautoscaler.autoscaling/web autoscaled
    $ kstate clock advance 60s
    2026-01-01T00:01:04Z (manual)
    $ kubectl get hpa
    NAME   REFERENCE        TARGETS              MINPODS   MAXPODS   REPLICAS   AGE
    web    Deployment/web   cpu: <unknown>/50%   1         3         1          60s
    $ kubectl get events --field-selector involvedObject.kind=HorizontalPodAutoscaler
    LAST SEEN   TYPE      REASON                         OBJECT                        MESSAGE
    0s          Warning   FailedGetResourceMetric        horizontalpodautoscaler/web   failed to get cpu utilization: missing request for cpu in container nginx of Pod web-76f7849545-x8fzc
    0s          Warning   FailedComputeMetricsReplicas   horizontalpodautoscaler/web   invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: failed to get cpu utilization: missing request for cpu in container nginx of Pod web-76f7849545-x8fzc
    ");
}
