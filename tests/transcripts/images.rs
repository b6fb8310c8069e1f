//! `kstate image`: which images there are here, and what each is.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

#[test]
fn models_are_listed_and_shown() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kstate image list",
        "kstate image show redis:7.2-alpine",
        "kstate image show docker.io/example/shop:v1",
        "kstate image show",
        "kubectl image list",
    ]), @r#"
    $ kstate image list
    NAME                     WHAT IT DOES HERE
    agnhost                  netexec, serve-hostname, test-webserver, porter, liveness, pause
    alpine                   busybox and musl
    apache/kafka             a broker that keeps topics, and the scripts that make, fill and read them
    bash                     bash on Alpine
    busybox                  a shell and the applets of busybox
    cassandra                nodes that find each other by their seeds, nodetool status; no CQL
    centos                   bash and the GNU tools
    consul                   agents that join, by label too, elect a leader and keep keys; its commands and HTTP API
    curl                     curl on Alpine
    debian                   bash, dash and the GNU tools
    echoserver               answers with what it was asked
    etcd                     members that keep keys together, and etcdctl
    gb-frontend              the guestbook: its page, and guestbook.php that asks the leader and the followers of Redis
    hello-app                answers with its version and host name
    hello-kubernetes         answers with a page
    hpa-example              PHP's Apache; hpa-example uses processor time for each request
    http-echo                answers with a text
    httpd                    Apache: static files, its logs and its signals
    jessie-dnsutils          dig and nslookup of BIND
    kubernetes-bootcamp      answers with its host name and version
    kubia                    answers with its host name
    memcached                starts, listens and ends as it should
    minio                    an object store on its data folder, its health endpoints, and mc
    mongo                    the server with documents and replica sets, and mongosh with single statements
    mysql                    the entry point, the server with a little SQL and replication, mysql and mysqladmin
    netshoot                 tools that look at networks, on Alpine
    nfs-client-provisioner   provisioners of volumes: they take their lock, ask what they may, and serve the classes of their name
    nginx                    nginx: static files, fixed answers, proxying, its logs and its signals
    node                     the tree only
    node-hello               answers `Hello Kubernetes!`
    pause                    waits
    perl                     perl for one-liners that print a text or the digits of pi only
    postgres                 the entry point, the server with a little SQL, psql and pg_isready
    python                   python3 for its http.server only
    radial/busyboxplus       busybox with curl
    redis                    the server with its files, replication and cluster mode, and redis-cli
    serve_hostname           answers with its host name
    static                   no shell at all
    test-webserver           answers with files
    ubuntu                   bash, dash and the GNU tools
    whoami                   answers with who and what it was asked
    wordpress                the entry point that fills /var/www/html, and what WordPress answers before it is set up
    xtrabackup               xtrabackup and xbstream, ncat, and MySQL's client
    zookeeper                an ensemble that keeps znodes together, zkCli.sh, and the tutorial's start-zookeeper and zookeeper-ready
    $ kstate image show redis:7.2-alpine
    Image:          redis:7.2-alpine
    Model:          redis
    Does:           the server with its files, replication and cluster mode, and redis-cli
    Facts from:     docker-library/redis, Redis' documentation
    Version:        7.2.12
    Entrypoint:     docker-entrypoint.sh
    Command:        redis-server
    Working folder: /data
    User:           root
    Ports:          6379
    Volumes:        /data
    Environment:    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                    REDIS_VERSION=7.2.12
    $ kstate image show docker.io/example/shop:v1
    Image:          docker.io/example/shop:v1
    Model:          none: a small Debian whose own command waits; other commands run
    Entrypoint:     <none>
    Command:        /usr/local/bin/app
    Working folder: /
    User:           root
    Ports:          <none>
    Volumes:        <none>
    Environment:    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    $ kstate image show
    error: NAME is required
    See 'kstate image show --help' for usage.
    [exit 1]
    $ kubectl image list
    error: unknown command "image" for "kubectl"
    [exit 1]
    "#);
}

#[test]
fn each_mysql_has_the_files_of_its_version() {
    let mut session = Session::new();
    for version in ["5.7", "8.4"] {
        let name = version.replace('.', "-");
        session.apply(&format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: m{name}}}\nspec: {{containers: [{{name: c, image: \
             'mysql:{version}', env: [{{name: MYSQL_ROOT_PASSWORD, value: x}}]}}]}}\n"
        ));
    }
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&["kubectl exec m5-7 -- ls /var/lib/mysql", "kubectl exec m8-4 -- ls /var/lib/mysql"]), @"
    $ kubectl exec m5-7 -- ls /var/lib/mysql
    auto.cnf
    ca-key.pem
    ca.pem
    client-cert.pem
    client-key.pem
    ib_buffer_pool
    ib_logfile0
    ib_logfile1
    ibdata1
    ibtmp1
    mysql
    performance_schema
    private_key.pem
    public_key.pem
    server-cert.pem
    server-key.pem
    sys
    $ kubectl exec m8-4 -- ls /var/lib/mysql
    #innodb_redo
    auto.cnf
    binlog.000001
    binlog.000002
    binlog.index
    ca-key.pem
    ca.pem
    client-cert.pem
    client-key.pem
    ib_buffer_pool
    ibdata1
    ibtmp1
    mysql
    mysql.ibd
    performance_schema
    private_key.pem
    public_key.pem
    server-cert.pem
    server-key.pem
    sys
    undo_001
    undo_002
    ");
}
