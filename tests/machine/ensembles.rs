//! ZooKeeper and etcd: members that keep one state.

use super::lab::Lab;
use kstate::api::Duration;
use kstate::machine::kernel::Signal;

#[test]
fn etcd_keeps_keys_while_most_members_live() {
    let mut lab = Lab::default();
    let cluster = "etcd-0=http://10.42.0.10:2380,etcd-1=http://10.42.0.11:2380,etcd-2=http://10.42.0.12:2380";
    for number in 0..3 {
        let name = format!("etcd-{number}");
        let words = ["etcd", "--name", &name, "--data-dir=/var/etcd", "--initial-cluster", cluster];
        lab.pod(&name, &format!("10.42.0.1{number}"), "quay.io/coreos/etcd:v3.5.0", &words, &[]);
    }
    lab.run(Duration::secs(2));
    assert_eq!(lab.exec("10.42.0.10", &["etcdctl", "put", "a", "1"], "").0, "OK\n");
    assert_eq!(lab.exec("10.42.0.12", &["etcdctl", "get", "a"], "").0, "a\n1\n");
    let list = lab.exec("10.42.0.11", &["etcdctl", "member", "list"], "").0;
    assert_eq!(list.matches(", started, etcd-").count(), 3, "{list}");
    lab.stop("10.42.0.11", Signal::KILL);
    assert_eq!(lab.exec("10.42.0.10", &["etcdctl", "put", "a", "2"], "").0, "OK\n");
    lab.stop("10.42.0.12", Signal::KILL);
    let refused = lab.exec("10.42.0.10", &["etcdctl", "put", "a", "3"], "");
    assert_eq!(refused.2, 1);
    assert!(refused.1.ends_with("Error: context deadline exceeded\n"), "{}", refused.1);
    assert_eq!(lab.exec("10.42.0.10", &["etcdctl", "endpoint", "health"], "").2, 1);
}

#[test]
fn one_zookeeper_keeps_its_files() {
    let mut lab = Lab::default();
    lab.pod("zk", "10.42.0.20", "zookeeper:3.8", &[], &[]);
    lab.run(Duration::secs(2));
    let made = lab.exec("10.42.0.20", &["zkCli.sh", "create", "/hello", "world"], "");
    assert_eq!(
        made.0,
        "Connecting to localhost:2181\n\nWATCHER::\n\nWatchedEvent state:SyncConnected type:None path:null\nCreated /hello\n",
        "{}",
        made.1
    );
    assert!(lab.exec("10.42.0.20", &["zkCli.sh", "get", "/hello"], "").0.ends_with("null\nworld\n"));
    assert_eq!(lab.exec("10.42.0.20", &["sh", "-c", "echo ruok | nc localhost 2181"], "").0, "imok");
    assert!(lab.exec("10.42.0.20", &["zkServer.sh", "status"], "").0.ends_with("Mode: standalone\n"));
    lab.stop("10.42.0.20", Signal::TERM);
    lab.net.pods.clear();
    lab.pod("zk", "10.42.0.20", "zookeeper:3.8", &[], &[]);
    assert!(lab.exec("10.42.0.20", &["zkCli.sh", "ls", "/"], "").0.ends_with("[hello, zookeeper]\n"));
}
