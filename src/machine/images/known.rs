//! The images that the machine knows, by their names.
//!
//! Facts: docker-library/repo-info for the official ones (entry point, command, environment, sizes); the Dockerfiles of
//! the projects for the others.

use super::base::Base;
use super::model::Model;
use super::reference::Reference;
use super::{
    Begin, Begun, cassandra, consul, desk, etcd, httpd, kafka, minio, mongo, mysql, nginx, perl, php, plain, postgres,
    provisioner, redis, zookeeper,
};
use crate::machine::kernel::Sys;

/// An image that is known: the names that it has, what is modelled of it, where its facts are from, and how it is made.
struct Known {
    names: &'static [&'static str],
    about: &'static str,
    facts: &'static str,
    make: fn(&Reference) -> Model,
}

const OFFICIAL: &str = "docker-library/repo-info and the image's Dockerfile";

const KNOWN: &[Known] = &[
    Known {
        names: &["mysql", "mariadb"],
        about: "the entry point, the server with a little SQL and replication, mysql and mysqladmin",
        facts: "docker-library/mysql, MySQL's manual",
        make: mysql::model,
    },
    Known {
        names: &["xtrabackup", "gcr.io/google-samples/xtrabackup"],
        about: "xtrabackup and xbstream, ncat, and MySQL's client",
        facts: "the documentation's replicated stateful application; Percona's documentation of XtraBackup",
        make: mysql::backup::model,
    },
    Known {
        names: &["postgres"],
        about: "the entry point, the server with a little SQL, psql and pg_isready",
        facts: "docker-library/postgres, PostgreSQL's manual",
        make: postgres::model,
    },
    Known {
        names: &["consul", "hashicorp/consul"],
        about: "agents that join, by label too, elect a leader and keep keys; its commands and HTTP API",
        facts: "hashicorp/docker-consul, Consul's documentation",
        make: consul::model,
    },
    Known {
        names: &["etcd", "coreos/etcd"],
        about: "members that keep keys together, and etcdctl",
        facts: "etcd-io/etcd, its documentation",
        make: etcd::model,
    },
    Known {
        names: &["zookeeper", "kubernetes-zookeeper", "k8szk"],
        about: "an ensemble that keeps znodes together, zkCli.sh, and the tutorial's start-zookeeper and zookeeper-ready",
        facts: "the documentation's tutorial on ZooKeeper, docker-library/zookeeper, the administrator's guide",
        make: zookeeper::model,
    },
    Known {
        names: &["mongo"],
        about: "the server with documents and replica sets, and mongosh with single statements",
        facts: "docker-library/mongo, MongoDB's manual",
        make: mongo::model,
    },
    Known {
        names: &["apache/kafka", "kafka", "cp-kafka"],
        about: "a broker that keeps topics, and the scripts that make, fill and read them",
        facts: "apache/kafka, Kafka's documentation",
        make: kafka::model,
    },
    Known {
        names: &["minio", "minio/minio"],
        about: "an object store on its data folder, its health endpoints, and mc",
        facts: "minio/minio, MinIO's documentation",
        make: minio::model,
    },
    Known {
        names: &["cassandra", "gcr.io/google-samples/cassandra"],
        about: "nodes that find each other by their seeds, nodetool status; no CQL",
        facts: "docker-library/cassandra, the documentation's tutorial on Cassandra",
        make: cassandra::model,
    },
    Known {
        names: provisioner::IMAGES,
        about: "provisioners of volumes: they take their lock, ask what they may, and serve the classes of their name",
        facts: "the projects' programs and Dockerfiles",
        make: provisioner::model,
    },
    Known {
        names: plain::IMAGES,
        about: "starts, listens and ends as it should",
        facts: "docker-library/repo-info and the projects' Dockerfiles",
        make: plain::model,
    },
    Known {
        names: &["redis", "gb-redis-follower", "gb-redisslave", "redis-slave", "gb_redisslave"],
        about: "the server with its files, replication and cluster mode, and redis-cli",
        facts: "docker-library/redis, Redis' documentation",
        make: redis::model,
    },
    Known {
        names: &[
            "busybox",
            "gcr.io/google-containers/busybox",
            "registry.k8s.io/busybox",
            "registry.k8s.io/e2e-test-images/busybox",
        ],
        about: "a shell and the applets of busybox",
        facts: OFFICIAL,
        make: |r| Model::on(Base::busybox(r)).runs(&["sh"]).sets("PATH", super::model::PATH),
    },
    Known {
        names: &["alpine"],
        about: "busybox and musl",
        facts: OFFICIAL,
        make: |r| Model::on(Base::alpine(r)).runs(&["/bin/sh"]),
    },
    Known {
        names: &["debian", "buildpack-deps", "google/debian"],
        about: "bash, dash and the GNU tools",
        facts: OFFICIAL,
        make: |r| {
            let model = Model::on(Base::debian(r)).runs(&["bash"]);
            if r.name() == "buildpack-deps" { model.tools("curl wget git").adds(200_000_000) } else { model }
        },
    },
    Known {
        names: &["ubuntu"],
        about: "bash, dash and the GNU tools",
        facts: OFFICIAL,
        make: |r| Model::on(Base::ubuntu(r)).runs(&["/bin/bash"]),
    },
    Known {
        names: &[
            "centos",
            "fedora",
            "rockylinux",
            "almalinux",
            "oraclelinux",
            "amazonlinux",
            "registry.access.redhat.com/ubi8/ubi",
            "registry.access.redhat.com/ubi9/ubi",
        ],
        about: "bash and the GNU tools",
        facts: OFFICIAL,
        make: |r| Model::on(Base::RedHat(r.version().first().copied().unwrap_or(9))).runs(&["/bin/bash"]),
    },
    Known {
        names: &["bash"],
        about: "bash on Alpine",
        facts: OFFICIAL,
        make: |r| {
            let version = r.version_of(&["5.3.8", "5.2.37", "5.1.16", "5.0.18", "4.4.23"]);
            Model::on(Base::of_tag(&Reference { tag: "alpine3.22".into(), ..r.clone() }))
                .sets("_BASH_VERSION", version.clone())
                .version(version)
                .enters(&["docker-entrypoint.sh"])
                .runs(&["bash"])
                .adds(2_900_000)
                .program("/usr/local/bin/bash", "bash")
                .program("/usr/local/bin/docker-entrypoint.sh", "bash-entrypoint")
        },
    },
    Known {
        names: &["nginx", "nginx-slim", "nginxinc/nginx-unprivileged", "nginx-unprivileged"],
        about: "nginx: static files, fixed answers, proxying, its logs and its signals",
        facts: "nginx/docker-nginx, docker-library/repo-info",
        make: nginx::model,
    },
    Known {
        names: &["httpd"],
        about: "Apache: static files, its logs and its signals",
        facts: "docker-library/httpd",
        make: httpd::model,
    },
    Known {
        names: &["hpa-example", "php"],
        about: "PHP's Apache; hpa-example uses processor time for each request",
        facts: "docker-library/php; registry.k8s.io/hpa-example",
        make: |r| {
            if r.name() == "hpa-example" || r.tag_has("apache") {
                httpd::php(r)
            } else {
                plain_language(r, &["php", "-a"])
            }
        },
    },
    Known {
        names: &["hello-app"],
        about: "answers with its version and host name",
        facts: "GoogleCloudPlatform/kubernetes-engine-samples",
        make: |_| scratch("/hello-app", "hello-app").exposes(&[8080]).adds(4_800_000),
    },
    Known {
        names: &["http-echo"],
        about: "answers with a text",
        facts: "hashicorp/http-echo",
        make: |r| {
            scratch("/http-echo", "http-echo")
                .runs(&[])
                .enters(&["/http-echo"])
                .version(r.version_of(&["1.0.0", "0.2.3"]))
                .exposes(&[5678])
                .runs_as("65532")
                .adds(3_700_000)
        },
    },
    Known {
        names: &["whoami"],
        about: "answers with who and what it was asked",
        facts: "traefik/whoami",
        make: |_| scratch("/whoami", "whoami").runs(&[]).enters(&["/whoami"]).exposes(&[80]).adds(2_900_000),
    },
    Known {
        names: &["echoserver", "registry.k8s.io/echoserver", "e2e-test-images/echoserver"],
        about: "answers with what it was asked",
        facts: "kubernetes/ingress-nginx",
        make: |_| {
            Model::on(Base::Debian(10))
                .runs(&["/usr/local/bin/run.sh"])
                .program("/usr/local/bin/run.sh", "echoserver")
                .exposes(&[8080, 8443])
                .adds(15_000_000)
        },
    },
    Known {
        names: &["agnhost"],
        about: "netexec, serve-hostname, test-webserver, porter, liveness, pause",
        facts: "kubernetes/kubernetes test/images/agnhost",
        make: |_| {
            Model::on(Base::Alpine((3, 12)))
                .enters(&["/agnhost"])
                .runs(&["pause"])
                .program("/agnhost", "agnhost")
                .tools("curl dig host nslookup iperf")
                .exposes(&[80, 8080, 8081, 9376, 5000])
                .adds(49_000_000)
        },
    },
    Known {
        names: &["serve_hostname", "serve-hostname", "serve_hostname-amd64"],
        about: "answers with its host name",
        facts: "kubernetes/kubernetes test/images",
        make: |_| scratch("/serve_hostname", "serve-hostname").exposes(&[9376]).adds(4_000_000),
    },
    Known {
        names: &["test-webserver"],
        about: "answers with files",
        facts: "kubernetes/kubernetes test/images",
        make: |_| scratch("/test-webserver", "test-webserver").exposes(&[80]).adds(4_000_000),
    },
    Known {
        names: &["kubia", "luksa/kubia"],
        about: "answers with its host name",
        facts: "luksa/kubernetes-in-action",
        make: |_| plain_node("/app.js", "kubia"),
    },
    Known {
        names: &["node-hello"],
        about: "answers `Hello Kubernetes!`",
        facts: "kubernetes/website, the Hello Minikube tutorial",
        make: |_| plain_node("/server.js", "node-hello"),
    },
    Known {
        names: &["hello-kubernetes"],
        about: "answers with a page",
        facts: "paulbouwer/hello-kubernetes",
        make: |_| plain_node("/server.js", "hello-kubernetes"),
    },
    Known {
        names: &["pause"],
        about: "waits",
        facts: "kubernetes/kubernetes build/pause",
        make: |_| {
            Model::on(Base::Empty).enters(&["/pause"]).program("/pause", "pause").runs_as("65535:65535").adds(320_000)
        },
    },
    Known {
        names: &["static", "static-debian12", "static-debian11", "base-debian12", "base", "cc-debian12"],
        about: "no shell at all",
        facts: "GoogleContainerTools/distroless",
        make: |r| {
            let m = Model::on(Base::Distroless);
            if r.tag_has("nonroot") { m.runs_as("65532") } else { m }
        },
    },
    Known {
        names: &["curl", "curlimages/curl"],
        about: "curl on Alpine",
        facts: "curl/curl-container",
        make: |r| {
            Model::on(Base::of_tag(&Reference { tag: "alpine".into(), ..r.clone() }))
                .enters(&["/entrypoint.sh"])
                .runs(&["curl"])
                .runs_as("curl_user")
                .account("curl_user", 100, 101, "/home/curl_user", "/bin/sh")
                .dir("/home/curl_user", 0o755, (100, 101))
                .cwd("/home/curl_user")
                .program("/entrypoint.sh", "curl-entrypoint")
                .tools("curl")
                .adds(6_000_000)
        },
    },
    Known {
        names: &["netshoot", "nicolaka/netshoot"],
        about: "tools that look at networks, on Alpine",
        facts: "nicolaka/netshoot",
        make: |r| {
            Model::on(Base::of_tag(&Reference { tag: "alpine".into(), ..r.clone() }))
                .runs(&["zsh"])
                .cwd("/root")
                .program("/bin/bash", "bash")
                .program("/bin/zsh", "bash")
                .program("/usr/bin/nslookup", "nslookup")
                .tools("curl dig host nc ncat ss jq ip ping traceroute telnet git")
                .adds(180_000_000)
        },
    },
    Known {
        names: &["jessie-dnsutils", "dnsutils", "tutum/dnsutils"],
        about: "dig and nslookup of BIND",
        facts: "kubernetes/kubernetes test/images/jessie-dnsutils",
        make: |_| Model::on(Base::Debian(8)).runs(&["sleep", "3600"]).tools("dig host nslookup curl").adds(130_000_000),
    },
    Known {
        names: &["radial/busyboxplus", "busyboxplus"],
        about: "busybox with curl",
        facts: "radial/core-busyboxplus",
        make: |_| {
            Model::on(Base::Busybox((1, 22), false)).runs(&["/bin/sh"]).program("/usr/bin/curl", "curl").adds(4_000_000)
        },
    },
    Known {
        names: &["python"],
        about: "python3 for its http.server only",
        facts: OFFICIAL,
        make: |r| {
            plain_language(r, &["python3"])
                .program("/usr/local/bin/python3", "python3")
                .link("/usr/local/bin/python", "python3")
                .sets("PYTHON_VERSION", r.version_of(&["3.14.2", "3.13.9", "3.12.12", "3.11.14", "3.10.19", "3.9.25"]))
        },
    },
    Known {
        names: &["node", "golang", "ruby", "openjdk", "eclipse-temurin", "gcc"],
        about: "the tree only",
        facts: OFFICIAL,
        make: |r| plain_language(r, &["bash"]),
    },
    Known {
        names: &["perl"],
        about: "perl for one-liners that print a text or the digits of pi only",
        facts: OFFICIAL,
        make: |r| {
            let version = r.version_of(&perl::VERSIONS);
            plain_language(r, &["bash"]).version(version).program("/usr/local/bin/perl", "perl")
        },
    },
    Known {
        names: &["kubernetes-bootcamp"],
        about: "answers with its host name and version",
        facts: "kubernetes/website, Learn Kubernetes Basics",
        make: |_| {
            plain_node("/server.js", "kubernetes-bootcamp")
                .file("/server.js", "// Answers each request with the name of its host.\n")
        },
    },
    Known {
        names: &["wordpress"],
        about: "the entry point that fills /var/www/html, and what WordPress answers before it is set up",
        facts: "docker-library/wordpress",
        make: php::wordpress,
    },
    Known {
        names: &["gb-frontend"],
        about: "the guestbook: its page, and guestbook.php that asks the leader and the followers of Redis",
        facts: "kubernetes/website, the guestbook; GoogleCloudPlatform/kubernetes-engine-samples",
        make: php::guestbook,
    },
];

/// A Go program alone.
fn scratch(path: &str, program: &str) -> Model {
    Model::on(Base::Distroless).runs(&[path]).program(path, program)
}

/// A Node program.
fn plain_node(script: &'static str, program: &str) -> Model {
    Model::on(Base::Debian(11))
        .enters(&["node", script])
        .program("/usr/local/bin/node", program)
        .tools("curl")
        .exposes(&[8080])
        .adds(230_000_000)
}

/// The image of a programming language, whose interpreter does not run here.
fn plain_language(reference: &Reference, cmd: &[&str]) -> Model {
    let model = Model::tagged(reference).runs(cmd).adds(20_000_000);
    let slim = reference.tag_has("slim") || reference.tag_has("alpine");
    if slim { model } else { model.tools("curl wget git").adds(300_000_000) }
}

/// The image of a reference.
pub(super) fn model(reference: &Reference) -> Model {
    if format!("{}/{}", reference.registry, reference.path) == desk::DESK {
        return desk::model();
    }
    let with_registry = format!("{}/{}", reference.registry, reference.path);
    let by = |wanted: &str| KNOWN.iter().find(|k| k.names.contains(&wanted));
    let found =
        by(reference.short()).or_else(|| by(&with_registry)).or_else(|| match reference.path.starts_with("bitnami") {
            true => None,
            false => by(reference.name()),
        });
    match found {
        Some(known) => {
            let mut model = (known.make)(reference);
            model.name = known.names.first().copied().unwrap_or_default();
            (model.about, model.facts) = (known.about, known.facts);
            model
        }
        None => unknown(reference),
    }
}

/// An image that nobody knows: a small Debian with all tools; without a command it waits.
fn unknown(reference: &Reference) -> Model {
    let base = if reference.tag_has("alpine") { Base::of_tag(reference) } else { Base::Anything };
    let mut model = Model::on(base).runs(&["/usr/local/bin/app"]).program("/usr/local/bin/app", "idle");
    model.name = "unknown";
    model.about = "a shell and all tools; its own command waits";
    model
}

/// A reference for each image that is known.
pub(super) fn references() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().filter_map(|k| k.names.first().copied())
}

/// An entry point that becomes its arguments.
fn entrypoint(_: &mut Sys<'_>, args: &[String]) -> Begun {
    if args.len() > 1 { Begun::Becomes(args[1..].to_vec()) } else { Begun::Exit(0) }
}

/// bash' entry point: options, or nothing, are for bash.
fn bash_entrypoint(_: &mut Sys<'_>, args: &[String]) -> Begun {
    let rest = args[1..].to_vec();
    if rest.first().is_none_or(|first| first.starts_with('-')) {
        return Begun::Becomes(std::iter::once("bash".to_string()).chain(rest).collect());
    }
    Begun::Becomes(rest)
}

/// curl's entry point: options and addresses are for curl.
fn curl_entrypoint(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let rest = args[1..].to_vec();
    let is_command = rest.first().is_some_and(|f| !f.starts_with('-') && super::super::tools::look_up(sys, f).is_ok());
    if is_command {
        return Begun::Becomes(rest);
    }
    Begun::Becomes(std::iter::once("curl".to_string()).chain(rest).collect())
}

/// `busybox` alone, or asked for what it holds.
fn busybox_help(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let names: Vec<&str> = super::names::BUSYBOX.split_whitespace().filter(|n| super::is_program(n)).collect();
    if args.first().is_some_and(|a| a == "--list") {
        sys.out(names.iter().map(|n| format!("{n}\n")).collect::<String>());
        return Begun::Exit(0);
    }
    let (major, minor) = super::find(sys.image()).base.busybox_version();
    sys.out(format!(
        "BusyBox v{major}.{minor}.0 (2024-09-26 21:31:42 UTC) multi-call binary.\nBusyBox is copyrighted by many authors between 1998-2015.\n\
         Licensed under GPLv2. See source distribution for detailed\ncopyright notices.\n\nUsage: busybox [function [arguments]...]\n   \
         or: busybox --list[-full]\n   or: busybox --show SCRIPT\n   or: busybox --install [-s] [DIR]\n   or: function [arguments]...\n\n\
         \tBusyBox is a multi-call binary that combines many common Unix\n\tutilities into a single executable.  Most people will create a\n\
         \tlink to busybox for each function they wish to use and BusyBox\n\twill act like whatever it was invoked as.\n\n\
         Currently defined functions:\n\t{}\n",
        names.join(", ")
    ));
    Begun::Exit(0)
}

pub(super) const PROGRAMS: &[(&str, Begin)] = &[
    ("busybox-help", busybox_help),
    ("bash-entrypoint", bash_entrypoint),
    ("curl-entrypoint", curl_entrypoint),
    ("entrypoint", entrypoint),
];
