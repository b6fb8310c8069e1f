//! Consul: three agents that join, elect a leader, lose it and mend.

use super::lab::Lab;
use kstate::api::Duration;
use kstate::machine::kernel::Signal;

fn start(lab: &mut Lab, number: usize, address: &str) {
    let words = [
        "docker-entrypoint.sh",
        "agent",
        "-bootstrap-expect=3",
        "-retry-join=10.42.0.10",
        "-retry-join=10.42.0.11",
        "-client=0.0.0.0",
        "-server",
        "-ui",
    ];
    let fault = lab.pod(&format!("consul-{number}"), address, "consul:1.11", &words, &[]);
    assert_eq!(fault, "");
}

fn ask(lab: &mut Lab, address: &str, words: &str) -> (String, String, i32) {
    let all: Vec<&str> = words.split(' ').collect();
    lab.exec(address, &all, "")
}

#[test]
fn three_agents_elect_a_leader_and_keep_keys() {
    let mut lab = Lab::default();
    for number in 0..3 {
        start(&mut lab, number, &format!("10.42.0.1{number}"));
        lab.run(Duration::secs(3));
    }
    lab.run(Duration::secs(40));
    let printed: String = (0..3).map(|n| lab.printed(&format!("consul-{n}"), 0)).collect();
    assert!(printed.contains("[INFO]  agent.server: Found expected number of peers, attempting bootstrap: peers=10.42.0.10:8300,10.42.0.11:8300,10.42.0.12:8300"), "{printed}");
    let (members, err, _) = ask(&mut lab, "10.42.0.11", "consul members");
    assert_eq!(
        members,
        "Node      Address          Status  Type    Build    Protocol  DC   Partition  Segment\n\
         consul-0  10.42.0.10:8301  alive   server  1.11.11  2         dc1  default    <all>\n\
         consul-1  10.42.0.11:8301  alive   server  1.11.11  2         dc1  default    <all>\n\
         consul-2  10.42.0.12:8301  alive   server  1.11.11  2         dc1  default    <all>\n",
        "{err}"
    );
    let (peers, err, _) = ask(&mut lab, "10.42.0.12", "consul operator raft list-peers");
    assert_eq!(peers.matches("leader").count(), 1, "{peers}{err}{printed}");
    assert_eq!(peers.matches("follower").count(), 2, "{peers}");
    for number in 0..3 {
        let at = format!("10.42.0.1{number}");
        let key = format!("k{number}");
        assert_eq!(
            ask(&mut lab, &at, &format!("consul kv put {key} v{number}")).0,
            format!("Success! Data written to: {key}\n")
        );
    }
    for number in 0..3 {
        let at = format!("10.42.0.1{number}");
        assert_eq!(ask(&mut lab, &at, "consul kv get -recurse").0, "k0:v0\nk1:v1\nk2:v2\n");
    }
    let missing = ask(&mut lab, "10.42.0.10", "consul kv get nothing");
    assert_eq!((missing.1.as_str(), missing.2), ("Error! No key exists at: nothing\n", 1));
    // The leader is killed: another leads, and nothing is lost.
    let leader = peers.lines().find(|l| l.contains("leader")).unwrap().to_string();
    let name = leader.split(' ').next().unwrap().to_string();
    let number: usize = name.trim_start_matches("consul-").parse().unwrap();
    lab.stop(&format!("10.42.0.1{number}"), Signal::KILL);
    lab.run(Duration::secs(30));
    let other = format!("10.42.0.1{}", (number + 1) % 3);
    let third = format!("10.42.0.1{}", (number + 2) % 3);
    let (peers, err, _) = ask(&mut lab, &other, "consul operator raft list-peers");
    assert_eq!(
        peers.matches("leader").count(),
        1,
        "{peers}{err}{}",
        lab.printed(&format!("consul-{}", (number + 1) % 3), 0)
    );
    assert_eq!(ask(&mut lab, &other, "consul kv get k1").0, "v1\n");
    let (members, _, _) = ask(&mut lab, &other, "consul members");
    assert!(members.lines().any(|l| l.starts_with(&name) && l.contains(" left ")), "{members}");
    // Of the two that are left one goes: nobody can decide.
    lab.stop(&third, Signal::KILL);
    lab.run(Duration::secs(30));
    let put = ask(&mut lab, &other, "consul kv put a b");
    assert_eq!(
        (put.1.as_str(), put.2),
        ("Error! Failed writing data: Unexpected response code: 500 (No cluster leader)\n", 1)
    );
    assert_eq!(ask(&mut lab, &other, "wget -qO- http://127.0.0.1:8500/v1/status/leader").0, "\"\"");
    // It is back with its files, at another address.
    lab.net.pods.remove(&third.parse().unwrap());
    start(&mut lab, (number + 2) % 3, "10.42.0.30");
    lab.run(Duration::secs(60));
    let put = ask(&mut lab, &other, "consul kv put a b");
    assert_eq!(
        put.0,
        "Success! Data written to: a\n",
        "{}{}",
        put.1,
        lab.printed(&format!("consul-{}", (number + 1) % 3), 0)
    );
    assert_eq!(ask(&mut lab, "10.42.0.30", "consul kv get a").0, "b\n");
}

#[test]
fn who_leaves_is_gone_at_once() {
    let mut lab = Lab::default();
    for number in 0..3 {
        start(&mut lab, number, &format!("10.42.0.1{number}"));
    }
    lab.run(Duration::secs(60));
    let left = ask(&mut lab, "10.42.0.12", "consul leave");
    assert_eq!(left.0, "Graceful leave complete\n", "{}", lab.printed("consul-2", 0));
    lab.run(Duration::secs(1));
    assert_eq!(lab.code("10.42.0.12"), Some(0));
    lab.run(Duration::secs(15));
    let (members, _, _) = ask(&mut lab, "10.42.0.10", "consul members");
    assert!(members.contains("consul-2  10.42.0.12:8301  left "), "{members}");
    let (peers, err, _) = ask(&mut lab, "10.42.0.10", "consul operator raft list-peers");
    assert_eq!(peers.lines().count(), 3, "{peers}{err}");
    assert_eq!(ask(&mut lab, "10.42.0.10", "consul kv put a b").0, "Success! Data written to: a\n");
}
