//! What a security context keeps a container from: running as root, and writing to its own root.

use insta::assert_snapshot;

use super::Session;

#[test]
fn who_must_not_be_root_is_not_started_as_root() {
    let mut session = Session::new();
    let pod = |name: &str, image: &str, user: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  securityContext: {{runAsNonRoot: true{user}}}\n  \
             containers: [{{name: c, image: \"{image}\", command: [sleep, 1h]}}]\n---\n"
        )
    };
    session.apply(
        &[
            pod("root", "nginx", ""),
            pod("named", "curlimages/curl", ""),
            pod("numbered", "nginxinc/nginx-unprivileged", ""),
            pod("zero", "busybox", ", runAsUser: 0"),
            pod("someone", "busybox", ", runAsUser: 1000"),
            pod("whatever", "example/shop", ""),
        ]
        .concat(),
    );
    assert_snapshot!(session.run(&[
        "kstate clock advance 3s",
        "kubectl get pods",
        "kubectl events --types=Warning --no-headers",
    ]), @r#"
    $ kstate clock advance 3s
    2026-01-01T00:00:07Z (manual)
    $ kubectl get pods
    NAME       READY   STATUS                       RESTARTS   AGE
    named      0/1     CreateContainerConfigError   0          7s
    numbered   1/1     Running                      0          7s
    root       0/1     CreateContainerConfigError   0          7s
    someone    1/1     Running                      0          7s
    whatever   1/1     Running                      0          7s
    zero       0/1     CreateContainerConfigError   0          7s
    $ kubectl events --types=Warning --no-headers
    3s (x2 over 6s)   Warning   Failed   Pod/named   Error: container has runAsNonRoot and image has non-numeric user (curl_user), cannot verify user is non-root (pod: "named_default(09eb8937-0444-4db8-9d23-016e4fe3d896)", container: c)
    3s (x2 over 6s)   Warning   Failed   Pod/root    Error: container has runAsNonRoot and image will run as root (pod: "root_default(5c5ef6ad-8b46-4892-9c9b-d9981d821fff)", container: c)
    3s (x2 over 6s)   Warning   Failed   Pod/zero    Error: container's runAsUser breaks non-root policy (pod: "zero_default(e2e93d84-1188-49ed-9ebb-de0c3b4b1d06)", container: c)
    "#);
}

#[test]
fn a_read_only_root_is_written_to_in_volumes_only() {
    let mut session = Session::new();
    session.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - name: c
    image: busybox
    command: [sleep, 1h]
    securityContext: {readOnlyRootFilesystem: true}
    volumeMounts: [{name: v, mountPath: /v}, {name: m, mountPath: /m}]
  volumes: [{name: v, emptyDir: {}}, {name: m, emptyDir: {medium: Memory}}]
"#,
    );
    assert_snapshot!(session.run(&[
        "kubectl exec p -- touch /x",
        "kubectl exec p -- sh -c 'echo x > /tmp/x'",
        "kubectl exec p -- sh -c 'echo 1.2.3.4 there >> /etc/hosts; echo x >> /etc/resolv.conf; echo x > /dev/termination-log'",
        "kubectl exec p -- sh -c 'touch /v/x /m/x && ls -ld /v /m /v/x /m/x'",
        "kubectl exec p -- mount",
        "kubectl exec p -- ls -la /var/run/secrets/kubernetes.io/serviceaccount",
    ]), @"
    $ kubectl exec p -- touch /x
    touch: /x: Read-only file system
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec p -- sh -c 'echo x > /tmp/x'
    sh: can't create /tmp/x: Read-only file system
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec p -- sh -c 'echo 1.2.3.4 there >> /etc/hosts; echo x >> /etc/resolv.conf; echo x > /dev/termination-log'
    sh: can't create /etc/resolv.conf: Read-only file system
    $ kubectl exec p -- sh -c 'touch /v/x /m/x && ls -ld /v /m /v/x /m/x'
    drwxrwxrwt    2 root     root            60 Jan  1 00:00 /m
    -rw-r--r--    1 root     root             0 Jan  1 00:00 /m/x
    drwxrwxrwx    2 root     root          4096 Jan  1 00:00 /v
    -rw-r--r--    1 root     root             0 Jan  1 00:00 /v/x
    $ kubectl exec p -- mount
    overlay on / type overlay (ro,relatime)
    proc on /proc type proc (rw,nosuid,nodev,noexec,relatime)
    tmpfs on /dev type tmpfs (rw,nosuid,size=65536k,mode=755)
    devpts on /dev/pts type devpts (rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666)
    mqueue on /dev/mqueue type mqueue (rw,nosuid,nodev,noexec,relatime)
    sysfs on /sys type sysfs (ro,nosuid,nodev,noexec,relatime)
    /dev/sda1 on /v type ext4 (rw,relatime)
    tmpfs on /m type tmpfs (rw,relatime,size=8388608k,noswap)
    /dev/sda1 on /etc/hosts type ext4 (rw,relatime)
    /dev/sda1 on /dev/termination-log type ext4 (rw,relatime)
    /dev/sda1 on /etc/hostname type ext4 (ro,relatime)
    /dev/sda1 on /etc/resolv.conf type ext4 (ro,relatime)
    shm on /dev/shm type tmpfs (rw,nosuid,nodev,noexec,relatime,size=65536k)
    tmpfs on /var/run/secrets/kubernetes.io/serviceaccount type tmpfs (ro,relatime,size=8388608k,noswap)
    $ kubectl exec p -- ls -la /var/run/secrets/kubernetes.io/serviceaccount
    total 4
    drwxrwxrwt    3 root     root           160 Jan  1 00:00 .
    drwxr-xr-x    3 root     root          4096 Jan  1 00:00 ..
    drwxr-xr-x    2 root     root           120 Jan  1 00:00 ..2026_01_01_00_00_01.108687743
    lrwxrwxrwx    1 root     root            31 Jan  1 00:00 ..data -> ..2026_01_01_00_00_01.108687743
    lrwxrwxrwx    1 root     root            13 Jan  1 00:00 ca.crt -> ..data/ca.crt
    lrwxrwxrwx    1 root     root            16 Jan  1 00:00 namespace -> ..data/namespace
    lrwxrwxrwx    1 root     root            21 Jan  1 00:00 service-ca.crt -> ..data/service-ca.crt
    lrwxrwxrwx    1 root     root            12 Jan  1 00:00 token -> ..data/token
    ");
}
