//! Redis in cluster mode: six pods that join, fail and come back.

use super::lab::Lab;
use kstate::api::Duration;
use kstate::machine::kernel::Signal;

const CONF: &str = "printf 'cluster-enabled yes\\ncluster-require-full-coverage no\\ncluster-node-timeout 5000\\ncluster-config-file nodes.conf\\nappendonly yes\\n' > /redis.conf; exec redis-server /redis.conf";

fn address(number: usize) -> String {
    format!("10.42.0.{}", 10 + number)
}

fn six(lab: &mut Lab) {
    for number in 0..6 {
        let name = format!("redis-{number}");
        lab.pod(&name, &address(number), "redis:7.0", &["sh", "-c", CONF], &[]);
    }
    lab.run(Duration::secs(3));
    let places: Vec<String> = (0..6).map(|n| format!("{}:6379", address(n))).collect();
    let mut words = vec!["redis-cli", "--cluster", "create"];
    words.extend(places.iter().map(String::as_str));
    words.extend(["--cluster-replicas", "1"]);
    let (out, err, code) = lab.exec(&address(0), &words, "yes\n");
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with(">>> Performing hash slots allocation on 6 nodes...\nMaster[0] -> Slots 0 - 5460\nMaster[1] -> Slots 5461 - 10922\nMaster[2] -> Slots 10923 - 16383\nAdding replica 10.42.0.14:6379 to 10.42.0.10:6379\nAdding replica 10.42.0.15:6379 to 10.42.0.11:6379\nAdding replica 10.42.0.13:6379 to 10.42.0.12:6379\nM: "), "{out}");
    assert!(out.ends_with("[OK] All nodes agree about slots configuration.\n>>> Check for open slots...\n>>> Check slots coverage...\n[OK] All 16384 slots covered.\n"), "{out}");
}

fn cli(lab: &mut Lab, number: usize, words: &str) -> String {
    let all: Vec<&str> = std::iter::once("redis-cli").chain(words.split(' ')).collect();
    lab.exec(&address(number), &all, "").0
}

#[test]
fn six_nodes_join_and_a_replica_takes_its_masters_place() {
    let mut lab = Lab::default();
    six(&mut lab);
    lab.run(Duration::secs(2));
    assert_eq!(cli(&mut lab, 3, "cluster keyslot foo"), "12182\n");
    assert_eq!(cli(&mut lab, 0, "set foo bar"), "MOVED 12182 10.42.0.12:6379\n\n");
    assert_eq!(cli(&mut lab, 0, "-c set foo bar"), "OK\n");
    assert_eq!(cli(&mut lab, 4, "-c get foo"), "bar\n");
    let info = cli(&mut lab, 5, "cluster info");
    assert!(info.starts_with("cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\ncluster_slots_pfail:0\r\ncluster_slots_fail:0\r\ncluster_known_nodes:6\r\ncluster_size:3\r\n"), "{info}");
    assert!(cli(&mut lab, 3, "role").starts_with("slave\n10.42.0.12\n6379\nconnected\n"));
    // Its master ends.
    lab.stop(&address(2), Signal::KILL);
    lab.run(Duration::secs(2));
    let refused = lab.exec(&address(0), &["redis-cli", "-c", "get", "foo"], "").1;
    assert!(refused.contains("Could not connect to Redis at 10.42.0.12:6379: Connection refused"), "{refused}");
    lab.run(Duration::secs(10));
    assert!(cli(&mut lab, 3, "role").starts_with("master\n"), "{}", lab.printed("redis-3", 0));
    assert_eq!(cli(&mut lab, 0, "-c get foo"), "bar\n");
    let nodes = cli(&mut lab, 0, "cluster nodes");
    assert!(nodes.lines().any(|l| l.contains("10.42.0.12:6379@16379 master,fail - ")), "{nodes}");
    // It is back, with its files, and follows.
    lab.net.pods.remove(&address(2).parse().unwrap());
    lab.pod("redis-2", "10.42.0.30", "redis:7.0", &["sh", "-c", CONF], &[]);
    lab.run(Duration::secs(10));
    let nodes = cli(&mut lab, 0, "cluster nodes");
    assert!(nodes.lines().any(|l| l.contains("10.42.0.30:6379@16379 slave ")), "{nodes}");
    let (info, _, _) = lab.exec("10.42.0.30", &["redis-cli", "info", "replication"], "");
    assert!(
        info.contains("role:slave\r\nmaster_host:10.42.0.13\r\nmaster_port:6379\r\nmaster_link_status:up"),
        "{info}"
    );
}

#[test]
fn slots_are_moved_with_their_keys() {
    let mut lab = Lab::default();
    six(&mut lab);
    lab.run(Duration::secs(2));
    for number in 0..20 {
        cli(&mut lab, 0, &format!("-c set key{number} {number}"));
    }
    let nodes = cli(&mut lab, 0, "cluster nodes");
    let id = |at: &str| nodes.lines().find(|l| l.contains(at)).and_then(|l| l.split(' ').next()).unwrap().to_string();
    let (from, to) = (id("10.42.0.10:"), id("10.42.0.11:"));
    let out = cli(
        &mut lab,
        0,
        &format!(
            "--cluster reshard 10.42.0.10:6379 --cluster-from {from} --cluster-to {to} --cluster-slots 1000 --cluster-yes"
        ),
    );
    assert!(out.contains("Ready to move 1000 slots."), "{out}");
    lab.run(Duration::secs(2));
    let out = cli(&mut lab, 0, "--cluster check 10.42.0.10:6379");
    assert!(out.contains("slots:[1000-5460] (4461 slots) master"), "{out}");
    assert!(out.contains("[OK] 20 keys in 3 masters."), "{out}");
    for number in 0..20 {
        assert_eq!(cli(&mut lab, 0, &format!("-c get key{number}")), format!("{number}\n"));
    }
    let (out, err, code) = lab.exec(&address(0), &["redis-cli", "--cluster", "rebalance", "10.42.0.10:6379"], "");
    assert_eq!((err.as_str(), code), ("", 0), "{out}");
    lab.run(Duration::secs(2));
    let out = cli(&mut lab, 0, "--cluster rebalance 10.42.0.10:6379");
    assert!(out.ends_with("*** No rebalancing needed! All nodes are within the 2.00% threshold.\n"), "{out}");
}
