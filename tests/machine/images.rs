//! The images: what is in them, how they start, and what their servers say.

use super::lab::Lab;
use kstate::api::Duration;
use kstate::machine::images::{self, Reference};
use kstate::machine::kernel::Signal;

#[test]
fn references_are_taken_apart() {
    for (text, full) in [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27-alpine", "docker.io/library/nginx:1.27-alpine"),
        ("docker.io/library/nginx", "docker.io/library/nginx:latest"),
        ("k8s.gcr.io/pause:3.9", "registry.k8s.io/pause:3.9"),
        ("localhost:5000/a/b", "localhost:5000/a/b:latest"),
        ("nginx@sha256:ab", "docker.io/library/nginx@sha256:ab"),
    ] {
        assert_eq!(Reference::parse(text).full(), full);
    }
    assert_eq!(images::find("nginx:1.27-alpine").version, "1.27.5");
    assert_eq!(images::find("nobody/knows:1").name, "unknown");
    assert_eq!(images::find("registry.k8s.io/nginx-slim:0.8").name, "nginx");
    assert!(images::has_musl("nginx:alpine"));
    assert!(images::list().len() > 20);
}

#[test]
fn entry_points_are_those_of_the_images() {
    let of = |image: &str| (images::find(image).entrypoint().join(" "), images::find(image).cmd().join(" "));
    assert_eq!(of("nginx"), ("/docker-entrypoint.sh".into(), "nginx -g daemon off;".into()));
    assert_eq!(of("busybox"), (String::new(), "sh".into()));
    assert_eq!(of("redis"), ("docker-entrypoint.sh".into(), "redis-server".into()));
    assert_eq!(of("httpd"), (String::new(), "httpd-foreground".into()));
    assert_eq!(images::find("redis").workdir(), "/data");
    assert_eq!(images::find("curlimages/curl").user(), (100, 101));
}

#[test]
fn nginx_serves_and_logs() {
    let mut lab = Lab::default();
    assert_eq!(lab.pod("web", "10.42.0.10", "nginx:1.27", &[], &[]), "");
    let log = lab.printed("web", 0);
    assert!(log.contains("/docker-entrypoint.sh: Configuration complete; ready for start up\n"), "{log}");
    assert!(log.contains("[notice] 1#1: start worker process 29\n"), "{log}");
    let (out, err, code) = lab.command("busybox", &["wget", "-O-", "http://10.42.0.10/x"]);
    assert_eq!((out.as_str(), code), ("", 1));
    assert_eq!(err, "Connecting to 10.42.0.10 (10.42.0.10:80)\nwget: server returned error: HTTP/1.1 404 Not Found\n");
    let log = lab.printed("web", 2);
    assert!(log.contains("[error] 29#29: *1 open() \"/usr/share/nginx/html/x\" failed (2: No such file or directory), client: 10.42.9.101, server: localhost, request: \"GET /x HTTP/1.1\", host: \"10.42.0.10\"\n"), "{log}");
    assert!(lab.printed("web", 1).contains("\"GET /x HTTP/1.1\" 404 153 \"-\" \"Wget\""), "{}", lab.printed("web", 1));
    let (_, err, code) = lab.exec("10.42.0.10", &["nginx", "-t"], "");
    assert_eq!(
        err,
        "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\nnginx: configuration file /etc/nginx/nginx.conf test is successful\n"
    );
    assert_eq!(code, 0);
    lab.stop("10.42.0.10", Signal::QUIT);
    assert_eq!(lab.code("10.42.0.10"), Some(0));
}

#[test]
fn redis_keeps_what_it_is_told() {
    let mut lab = Lab::default();
    lab.pod("redis", "10.42.0.20", "redis:7", &[], &[]);
    for (words, said) in [
        ("set a 1", "OK\n"),
        ("incr a", "2\n"),
        ("get nosuch", "\n"),
        ("lpush l x y", "2\n"),
        ("lrange l 0 -1", "y\nx\n"),
        ("hset h f v", "1\n"),
        ("hgetall h", "f\nv\n"),
        ("get", "ERR wrong number of arguments for 'get' command\n\n"),
        ("foo bar", "ERR unknown command 'foo', with args beginning with: 'bar' \n\n"),
        ("ttl a", "-1\n"),
        ("dbsize", "3\n"),
        ("save", "OK\n"),
    ] {
        let all: Vec<&str> = std::iter::once("redis-cli").chain(words.split(' ')).collect();
        assert_eq!(lab.exec("10.42.0.20", &all, ""), (said.to_string(), String::new(), 0), "{words}");
    }
    lab.stop("10.42.0.20", Signal::TERM);
    assert_eq!(lab.code("10.42.0.20"), Some(0));
    lab.pod("redis", "10.42.0.20", "redis:7", &[], &[]);
    assert_eq!(lab.exec("10.42.0.20", &["redis-cli", "get", "a"], "").0, "2\n");
    lab.pod("follower", "10.42.0.21", "redis:7", &["redis-server", "--replicaof", "10.42.0.20", "6379"], &[]);
    lab.exec("10.42.0.20", &["redis-cli", "set", "b", "3"], "");
    assert_eq!(lab.exec("10.42.0.21", &["redis-cli", "get", "b"], "").0, "3\n");
    let refused = lab.exec("10.42.0.21", &["redis-cli", "set", "b", "4"], "").0;
    assert_eq!(refused, "READONLY You can't write against a read only replica.\n\n");
}

#[test]
fn mysql_wants_a_password() {
    let mut lab = Lab::default();
    lab.pod("bare", "10.42.0.30", "mysql:8.0", &[], &[]);
    lab.run(Duration::secs(1));
    assert_eq!(lab.code("10.42.0.30"), Some(1));
    assert!(lab.printed("bare", 2).ends_with("[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified\n    You need to specify one of the following as an environment variable:\n    - MYSQL_ROOT_PASSWORD\n    - MYSQL_ALLOW_EMPTY_PASSWORD\n    - MYSQL_RANDOM_ROOT_PASSWORD\n"));
    lab.pod("db", "10.42.0.31", "mysql:8.0", &[], &[("MYSQL_ROOT_PASSWORD", "pw"), ("MYSQL_DATABASE", "shop")]);
    lab.run(Duration::secs(30));
    let ping = lab.exec("10.42.0.31", &["mysqladmin", "ping", "-ppw"], "");
    assert_eq!(ping.0, "mysqld is alive\n");
    let sql = "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20)); INSERT INTO t (name) VALUES ('a'),('b'); SELECT * FROM t; SELECT COUNT(*) FROM t";
    let (out, err, code) = lab.exec("10.42.0.31", &["mysql", "-uroot", "-ppw", "shop", "-e", sql], "");
    assert_eq!(out, "id\tname\n1\ta\n2\tb\nCOUNT(*)\n2\n");
    assert_eq!(err, "mysql: [Warning] Using a password on the command line interface can be insecure.\n");
    assert_eq!(code, 0);
    let (_, err, code) = lab.exec("10.42.0.31", &["mysql", "-uroot", "-pno", "-e", "SELECT 1"], "");
    assert!(
        err.ends_with("ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: YES)\n"),
        "{err}"
    );
    assert_eq!(code, 1);
}

#[test]
fn postgres_keeps_its_folder() {
    let mut lab = Lab::default();
    lab.pod("bare", "10.42.0.40", "postgres:16", &[], &[]);
    lab.run(Duration::secs(1));
    assert_eq!(lab.code("10.42.0.40"), Some(1));
    assert!(
        lab.printed("bare", 2)
            .starts_with("Error: Database is uninitialized and superuser password is not specified.\n")
    );
    lab.pod("db", "10.42.0.41", "postgres:16", &[], &[("POSTGRES_PASSWORD", "pw")]);
    lab.run(Duration::secs(10));
    assert_eq!(
        lab.exec("10.42.0.41", &["pg_isready"], ""),
        ("/var/run/postgresql:5432 - accepting connections\n".into(), String::new(), 0)
    );
    let sql = "create table t (id serial primary key, name text)";
    assert_eq!(lab.exec("10.42.0.41", &["psql", "-U", "postgres", "-c", sql], "").0, "CREATE TABLE\n");
    assert_eq!(
        lab.exec("10.42.0.41", &["psql", "-U", "postgres", "-c", "insert into t (name) values ('a')"], "").0,
        "INSERT 0 1\n"
    );
    let out = lab.exec("10.42.0.41", &["psql", "-U", "postgres", "-c", "select * from t"], "").0;
    assert_eq!(out, " id | name \n----+------\n  1 | a\n(1 row)\n\n");
    lab.stop("10.42.0.41", Signal::INT);
    assert_eq!(lab.code("10.42.0.41"), Some(0));
}

#[test]
fn states_survive_being_put_away() {
    let mut lab = Lab::default();
    lab.pod("redis", "10.42.0.50", "redis:7", &[], &[]);
    lab.exec("10.42.0.50", &["redis-cli", "set", "a", "1"], "");
    let address = "10.42.0.50".parse().expect("an address");
    let bytes = postcard::to_stdvec(&lab.net.pods[&address]).expect("saved");
    lab.net.pods.insert(address, postcard::from_bytes(&bytes).expect("read"));
    assert_eq!(lab.exec("10.42.0.50", &["redis-cli", "get", "a"], "").0, "1\n");
}
