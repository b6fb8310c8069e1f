//! What becomes of services.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

#[test]
fn the_api_server_makes_its_service_again() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&["kubectl delete svc kubernetes", "kubectl get svc"]), @r#"
    $ kubectl delete svc kubernetes
    service "kubernetes" deleted from default namespace
    $ kubectl get svc
    NAME         TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
    kubernetes   ClusterIP   10.43.0.1    <none>        443/TCP   0s
    "#);
    session.0.advance(Duration::secs(11));
    assert_snapshot!(session.run(&["kubectl get svc", "kubectl get endpointslices"]), @"
    $ kubectl get svc
    NAME         TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
    kubernetes   ClusterIP   10.43.0.1    <none>        443/TCP   11s
    $ kubectl get endpointslices
    NAME         ADDRESSTYPE   PORTS   ENDPOINTS    AGE
    kubernetes   IPv4          6443    172.18.0.2   18s
    ");
}
