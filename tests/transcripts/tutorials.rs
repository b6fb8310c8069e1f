//! The documentation's tutorials with pods that run, typed as they stand there.

use insta::assert_snapshot;

use super::Session;

#[test]
fn a_container_has_the_variables_and_groups_that_the_runtime_gives_it() {
    let mut session = Session::new();
    session.run(&[
        "kubectl run bb --image=busybox --env=ZED=1 --env=ABC=2 -- sleep 1000",
        "kubectl run al --image=alpine -- sleep 1000",
        "kubectl run de --image=debian -- sleep 1000",
    ]);
    session.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: merge}
spec:
  securityContext: {runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000]}
  containers: [{name: c, image: "busybox:1.28", command: [sh, -c, sleep 1h]}]
---
apiVersion: v1
kind: Pod
metadata: {name: strict}
spec:
  securityContext: {supplementalGroupsPolicy: Strict}
  containers: [{name: c, image: "busybox:1.28", command: [sh, -c, sleep 1h]}]
"#,
    );
    assert_snapshot!(session.run(&[
        "kubectl exec bb -- env",
        "kubectl exec bb -- id",
        "kubectl exec al -- id",
        "kubectl exec de -- id",
        "kubectl exec bb -- sh -c 'cd; pwd; echo $HOME'",
        "kubectl exec merge -- id",
        "kubectl exec merge -- printenv HOME",
        "kubectl exec strict -- id",
    ]), @"
    $ kubectl exec bb -- env
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    HOSTNAME=bb
    ABC=2
    ZED=1
    KUBERNETES_PORT=tcp://10.43.0.1:443
    KUBERNETES_PORT_443_TCP=tcp://10.43.0.1:443
    KUBERNETES_PORT_443_TCP_ADDR=10.43.0.1
    KUBERNETES_PORT_443_TCP_PORT=443
    KUBERNETES_PORT_443_TCP_PROTO=tcp
    KUBERNETES_SERVICE_HOST=10.43.0.1
    KUBERNETES_SERVICE_PORT=443
    KUBERNETES_SERVICE_PORT_HTTPS=443
    HOME=/root
    $ kubectl exec bb -- id
    uid=0(root) gid=0(root) groups=0(root),10(wheel)
    $ kubectl exec al -- id
    uid=0(root) gid=0(root) groups=0(root),1(bin),2(daemon),3(sys),4(adm),6(disk),10(wheel),11(floppy),20(dialout),26(tape),27(video)
    $ kubectl exec de -- id
    uid=0(root) gid=0(root) groups=0(root)
    $ kubectl exec bb -- sh -c 'cd; pwd; echo $HOME'
    /root
    /root
    $ kubectl exec merge -- id
    uid=1000 gid=3000 groups=2000,3000,4000
    $ kubectl exec merge -- printenv HOME
    /
    $ kubectl exec strict -- id
    uid=0(root) gid=0(root) groups=0(root)
    ");
}

#[test]
fn an_init_container_is_ready_once_it_is_through() {
    let mut session = Session::new();
    session.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: myapp-pod}
spec:
  initContainers:
  - {name: first, image: "busybox:1.28", command: [sleep, "2"]}
  - {name: second, image: "busybox:1.28", command: [sh, -c, "until nslookup mydb; do sleep 2; done"]}
  - {name: beside, image: "busybox:1.28", command: [sleep, 1h], restartPolicy: Always}
  containers: [{name: c, image: "busybox:1.28", command: [sleep, 1h]}]
"#,
    );
    let ready = "kubectl get pod myapp-pod -o jsonpath='{range .status.initContainerStatuses[*]}{.name} {.ready} {.started}{\"\\n\"}{end}'";
    assert_snapshot!(session.run(&[
        "kstate clock advance 10s",
        ready,
        "kubectl create service clusterip mydb --tcp=80:80",
        "kstate clock advance 5s",
        ready,
    ]), @r#"
    $ kstate clock advance 10s
    2026-01-01T00:00:11Z (manual)
    $ kubectl get pod myapp-pod -o jsonpath='{range .status.initContainerStatuses[*]}{.name} {.ready} {.started}{"\n"}{end}'
    first true false
    second false true
    beside false false
    $ kubectl create service clusterip mydb --tcp=80:80
    service/mydb created
    $ kstate clock advance 5s
    2026-01-01T00:00:16Z (manual)
    $ kubectl get pod myapp-pod -o jsonpath='{range .status.initContainerStatuses[*]}{.name} {.ready} {.started}{"\n"}{end}'
    first true false
    second true false
    beside true true
    "#);
}

#[test]
fn a_job_prints_pi_and_a_server_falls_ill() {
    let mut session = Session::new();
    session.apply(
        r#"
apiVersion: batch/v1
kind: Job
metadata: {name: pi}
spec:
  backoffLimit: 4
  template:
    spec:
      restartPolicy: Never
      containers:
      - {name: pi, image: "perl:5.34.0", command: [perl, -Mbignum=bpi, -wle, "print bpi(60)"]}
---
apiVersion: v1
kind: Pod
metadata: {name: liveness-http}
spec:
  containers:
  - name: liveness
    image: registry.k8s.io/e2e-test-images/agnhost:2.40
    args: [liveness]
    livenessProbe: {httpGet: {path: /healthz, port: 8080}, initialDelaySeconds: 3, periodSeconds: 3}
"#,
    );
    assert_snapshot!(session.run(&[
        "kubectl wait --for=condition=complete job/pi",
        "kubectl logs jobs/pi",
        "kubectl run p --image=perl -i --rm -q --restart=Never -- perl -e 'use strict; my $x = 1;'",
        "kstate clock advance 20s",
        "kubectl get pod liveness-http",
        "kubectl events --for pod/liveness-http --types=Warning",
    ]), @"
    $ kubectl wait --for=condition=complete job/pi
    job.batch/pi condition met
    $ kubectl logs jobs/pi
    3.14159265358979323846264338327950288419716939937510582097494
    $ kubectl run p --image=perl -i --rm -q --restart=Never -- perl -e 'use strict; my $x = 1;'
    perl: this machine runs no Perl but one-liners that print a text, a number or bpi(DIGITS)
    pod default/p terminated (Error)
    [exit 2]
    $ kstate clock advance 20s
    2026-01-01T00:00:25Z (manual)
    $ kubectl get pod liveness-http
    NAME            READY   STATUS    RESTARTS     AGE
    liveness-http   1/1     Running   1 (3s ago)   25s
    $ kubectl events --for pod/liveness-http --types=Warning
    LAST SEEN         TYPE      REASON      OBJECT              MESSAGE
    3s (x3 over 9s)   Warning   Unhealthy   Pod/liveness-http   Liveness probe failed: HTTP probe failed with statuscode: 500
    ");
}

#[test]
fn kubernetes_basics_say_who_answers() {
    let mut session = Session::new();
    session.run(&[
        "kubectl create deployment kubernetes-bootcamp --image=gcr.io/google-samples/kubernetes-bootcamp:v1",
        "kubectl expose deployment/kubernetes-bootcamp --type=NodePort --port 8080",
        "kubectl run c --image=curlimages/curl -- sleep 1000",
        "kstate clock advance 5s",
    ]);
    assert_snapshot!(session.run(&[
        "kubectl exec c -- curl -s kubernetes-bootcamp:8080",
        "kubectl exec deploy/kubernetes-bootcamp -- curl -s http://localhost:8080",
        "kubectl logs deploy/kubernetes-bootcamp",
        "kubectl set image deployments/kubernetes-bootcamp kubernetes-bootcamp=docker.io/jocatalin/kubernetes-bootcamp:v2",
        "kubectl rollout status deployments/kubernetes-bootcamp",
        "kubectl exec c -- curl -s kubernetes-bootcamp:8080",
    ]), @r#"
    $ kubectl exec c -- curl -s kubernetes-bootcamp:8080
    Hello Kubernetes bootcamp! | Running on: kubernetes-bootcamp-68f4c69f65-mtkqj | v=1
    $ kubectl exec deploy/kubernetes-bootcamp -- curl -s http://localhost:8080
    Hello Kubernetes bootcamp! | Running on: kubernetes-bootcamp-68f4c69f65-mtkqj | v=1
    $ kubectl logs deploy/kubernetes-bootcamp
    Kubernetes Bootcamp App Started At: 2026-01-01T00:00:01.886Z | Running On:  kubernetes-bootcamp-68f4c69f65-mtkqj 

    Running On: kubernetes-bootcamp-68f4c69f65-mtkqj | Total Requests: 1 | App Uptime: 5.586 seconds | Log Time: 2026-01-01T00:00:07.472Z
    Running On: kubernetes-bootcamp-68f4c69f65-mtkqj | Total Requests: 2 | App Uptime: 5.586 seconds | Log Time: 2026-01-01T00:00:07.472Z
    $ kubectl set image deployments/kubernetes-bootcamp kubernetes-bootcamp=docker.io/jocatalin/kubernetes-bootcamp:v2
    deployment.apps/kubernetes-bootcamp image updated
    $ kubectl rollout status deployments/kubernetes-bootcamp
    deployment "kubernetes-bootcamp" successfully rolled out
    $ kubectl exec c -- curl -s kubernetes-bootcamp:8080
    Hello Kubernetes bootcamp! | Running on: kubernetes-bootcamp-5865b99b56-6qwdb | v=2
    "#);
}

const WORDPRESS: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: wordpress-mysql}
spec: {clusterIP: None, selector: {tier: mysql}, ports: [{port: 3306}]}
---
apiVersion: v1
kind: Pod
metadata: {name: mysql, labels: {tier: mysql}}
spec:
  containers:
  - name: mysql
    image: mysql:8.0
    env:
    - {name: MYSQL_ROOT_PASSWORD, value: p}
    - {name: MYSQL_DATABASE, value: wordpress}
    - {name: MYSQL_USER, value: wordpress}
    - {name: MYSQL_PASSWORD, value: p}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: wp-pv-claim}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 20Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: wordpress}
spec:
  enableServiceLinks: false
  containers:
  - name: wordpress
    image: wordpress:6.2.1-apache
    env:
    - {name: WORDPRESS_DB_HOST, value: wordpress-mysql}
    - {name: WORDPRESS_DB_PASSWORD, value: p}
    - {name: WORDPRESS_DB_USER, value: wordpress}
    volumeMounts: [{name: data, mountPath: /var/www/html}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: wp-pv-claim}}]
"#;

#[test]
fn wordpress_fills_its_volume_and_waits_for_its_database() {
    let mut session = Session::new();
    session.apply(WORDPRESS);
    assert_snapshot!(session.run(&[
        "kstate clock advance 6s",
        "kubectl exec wordpress -- curl -s localhost",
        "kstate clock advance 30s",
        "kubectl exec wordpress -- curl -sI localhost",
        "kubectl exec wordpress -- ls -l /var/www/html/wp-config.php /var/www/html/index.php",
        "kubectl logs wordpress",
        "kubectl delete pod wordpress",
    ]), @r#"
    $ kstate clock advance 6s
    2026-01-01T00:00:08Z (manual)
    $ kubectl exec wordpress -- curl -s localhost
    <!DOCTYPE html>
    <html lang="en-US">
    <head>
    	<meta http-equiv="Content-Type" content="text/html; charset=utf-8" />
    	<title>Database Error</title>
    </head>
    <body id="error-page">
    	<div class="wp-die-message"><h1>Error establishing a database connection</h1></div></body>
    </html>
    $ kstate clock advance 30s
    2026-01-01T00:00:39Z (manual)
    $ kubectl exec wordpress -- curl -sI localhost
    HTTP/1.1 302 Found
    Date: Thu, 01 Jan 2026 00:00:39 GMT
    Server: Apache/2.4.65 (Debian)
    X-Powered-By: PHP/8.2.29
    Expires: Wed, 11 Jan 1984 05:00:00 GMT
    Cache-Control: no-cache, must-revalidate, max-age=0
    X-Redirect-By: WordPress
    Location: http://localhost/wp-admin/install.php
    Content-Length: 0
    Content-Type: text/html; charset=UTF-8

    $ kubectl exec wordpress -- ls -l /var/www/html/wp-config.php /var/www/html/index.php
    -rw-r--r-- 1 www-data www-data 19 Jan  1 00:00 /var/www/html/index.php
    -rw-r--r-- 1 www-data www-data 30 Jan  1 00:00 /var/www/html/wp-config.php
    $ kubectl logs wordpress
    WordPress not found in /var/www/html - copying now...
    Complete! WordPress has been successfully copied to /var/www/html
    No 'wp-config.php' found in /var/www/html, but 'WORDPRESS_...' variables supplied; copying 'wp-config-docker.php' (WORDPRESS_DB_HOST WORDPRESS_DB_PASSWORD WORDPRESS_DB_USER)
    AH00558: apache2: Could not reliably determine the server's fully qualified domain name, using 10.42.2.2. Set the 'ServerName' directive globally to suppress this message
    AH00558: apache2: Could not reliably determine the server's fully qualified domain name, using 10.42.2.2. Set the 'ServerName' directive globally to suppress this message
    [Thu Jan 01 00:00:02.990482 2026] [mpm_prefork:notice] [pid 1] AH00163: Apache/2.4.65 (Debian) PHP/8.2.29 configured -- resuming normal operations
    [Thu Jan 01 00:00:02.990482 2026] [core:notice] [pid 1] AH00094: Command line: 'apache2 -D FOREGROUND'
    ::1 - - [01/Jan/2026:00:00:08 +0000] "GET / HTTP/1.1" 500 563 "-" "curl/8.14.1"
    ::1 - - [01/Jan/2026:00:00:39 +0000] "HEAD / HTTP/1.1" 302 344 "-" "curl/8.14.1"
    $ kubectl delete pod wordpress
    pod "wordpress" deleted from default namespace
    "#);
    session.apply(WORDPRESS);
    assert_snapshot!(session.run(&["kstate clock advance 10s", "kubectl logs wordpress"]), @"
    $ kstate clock advance 10s
    2026-01-01T00:00:51Z (manual)
    $ kubectl logs wordpress
    AH00558: apache2: Could not reliably determine the server's fully qualified domain name, using 10.42.2.3. Set the 'ServerName' directive globally to suppress this message
    AH00558: apache2: Could not reliably determine the server's fully qualified domain name, using 10.42.2.3. Set the 'ServerName' directive globally to suppress this message
    [Thu Jan 01 00:00:41.000482 2026] [mpm_prefork:notice] [pid 1] AH00163: Apache/2.4.65 (Debian) PHP/8.2.29 configured -- resuming normal operations
    [Thu Jan 01 00:00:41.000482 2026] [core:notice] [pid 1] AH00094: Command line: 'apache2 -D FOREGROUND'
    ");
}

#[test]
fn the_guestbook_writes_to_the_leader_and_reads_from_followers() {
    let mut session = Session::new();
    let mut manifests = String::new();
    for (name, image) in [
        ("redis-leader", "docker.io/redis:6.0.5"),
        ("redis-follower", "us-docker.pkg.dev/google-samples/containers/gke/gb-redis-follower:v2"),
        ("frontend", "us-docker.pkg.dev/google-samples/containers/gke/gb-frontend:v5"),
    ] {
        let port = if name == "frontend" { 80 } else { 6379 };
        manifests += &format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\nspec: {{containers: [{{name: c, image: \"{image}\", \
             env: [{{name: GET_HOSTS_FROM, value: dns}}]}}]}}\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n\
             spec: {{selector: {{app: {name}}}, ports: [{{port: {port}}}]}}\n---\n"
        );
    }
    session.apply(&manifests);
    session.run(&["kubectl run c --image=curlimages/curl -- sleep 1000", "kstate clock advance 20s"]);
    assert_snapshot!(session.run(&[
        "kubectl exec c -- curl -s 'frontend/guestbook.php?cmd=set&key=guestbook&value=,hello'",
        "kubectl exec c -- curl -s 'frontend/guestbook.php?cmd=get&key=guestbook'",
        "kubectl exec redis-follower -- redis-cli get guestbook",
        "kubectl delete service redis-follower",
        "kubectl exec c -- curl -s 'frontend/guestbook.php?cmd=get&key=guestbook'",
    ]), @r#"
    $ kubectl exec c -- curl -s 'frontend/guestbook.php?cmd=set&key=guestbook&value=,hello'
    {"message": "Updated"}$ kubectl exec c -- curl -s 'frontend/guestbook.php?cmd=get&key=guestbook'
    {"data": ",hello"}$ kubectl exec redis-follower -- redis-cli get guestbook
    ,hello
    $ kubectl delete service redis-follower
    service "redis-follower" deleted from default namespace
    $ kubectl exec c -- curl -s 'frontend/guestbook.php?cmd=get&key=guestbook'
    <br />
    <b>Fatal error</b>:  Uncaught Predis\Connection\ConnectionException: php_network_getaddresses: getaddrinfo failed: Name or service not known [tcp://redis-follower:6379]
    "#);
}

#[test]
fn apache_knows_its_name_where_a_governing_service_gives_it_one() {
    let mut session = Session::new();
    session.apply(
        r#"
apiVersion: v1
kind: Service
metadata: {name: headless}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, labels: {app: web}}
spec: {hostname: web-0, subdomain: headless, containers: [{name: c, image: httpd}]}
---
apiVersion: v1
kind: Pod
metadata: {name: alone}
spec: {containers: [{name: c, image: httpd}]}
"#,
    );
    assert_snapshot!(session.run(&["kstate clock advance 5s", "kubectl logs web-0", "kubectl logs alone"]), @"
    $ kstate clock advance 5s
    2026-01-01T00:00:06Z (manual)
    $ kubectl logs web-0
    [Thu Jan 01 00:00:01.726482 2026] [mpm_event:notice] [pid 1:tid 1] AH00489: Apache/2.4.66 (Unix) configured -- resuming normal operations
    [Thu Jan 01 00:00:01.726482 2026] [core:notice] [pid 1:tid 1] AH00094: Command line: 'httpd -D FOREGROUND'
    $ kubectl logs alone
    AH00558: httpd: Could not reliably determine the server's fully qualified domain name, using 10.42.0.2. Set the 'ServerName' directive globally to suppress this message
    AH00558: httpd: Could not reliably determine the server's fully qualified domain name, using 10.42.0.2. Set the 'ServerName' directive globally to suppress this message
    [Thu Jan 01 00:00:01.983482 2026] [mpm_event:notice] [pid 1:tid 1] AH00489: Apache/2.4.66 (Unix) configured -- resuming normal operations
    [Thu Jan 01 00:00:01.983482 2026] [core:notice] [pid 1:tid 1] AH00094: Command line: 'httpd -D FOREGROUND'
    ");
}
