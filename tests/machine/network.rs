//! The tools that speak to others, with pods that answer.

use super::lab::Lab;
use kstate::machine::net::RecordType;
use kstate::machine::net::dns::{Endpoint, Names, Port, Service};

fn pods() -> Lab {
    let mut lab = Lab::default();
    lab.pod("web", "10.42.0.10", "httpd", &[], &[]);
    let endpoints = ["web-0", "web-1"].iter().enumerate().map(|(at, name)| Endpoint {
        ip: std::net::Ipv4Addr::new(10, 42, 0, 10 + at as u8),
        hostname: Some((*name).to_string()),
        ports: vec![Port { name: "http".into(), protocol: "tcp", port: Some(80) }],
    });
    let services = &mut lab.net.names.services;
    services.insert(("default".into(), "web".into()), Service::Headless(endpoints.take(1).collect()));
    services.insert(("default".into(), "ext".into()), Service::ExternalName("example.com".into()));
    lab.net.black_holes.push("10.99.0.1".parse().expect("an address"));
    lab
}

#[test]
fn tools_say_what_the_real_ones_say() {
    let mut lab = pods();
    for (image, command, out, err, code) in [
        ("busybox", "wget -q -O- http://web/", "<html><body><h1>It works!</h1></body></html>\n", "", 0),
        (
            "busybox",
            "wget -q -O- http://web:81/",
            "",
            "wget: can't connect to remote host (10.42.0.10): Connection refused\n",
            1,
        ),
        ("busybox", "wget -q -O- http://nosuch/", "", "wget: bad address 'nosuch'\n", 1),
        ("busybox", "wget -q -T 2 -O- http://10.99.0.1/", "", "wget: download timed out\n", 1),
        ("busybox", "wget --spider http://web/", "", "Connecting to web (10.42.0.10:80)\nremote file exists\n", 0),
        ("nginx", "curl -s http://web/", "<html><body><h1>It works!</h1></body></html>\n", "", 0),
        ("nginx", "curl -sS http://nosuch/", "", "curl: (6) Could not resolve host: nosuch\n", 6),
        (
            "nginx",
            "curl -sS http://web:81/",
            "",
            "curl: (7) Failed to connect to web port 81 after 0 ms: Could not connect to server\n",
            7,
        ),
        ("nginx", "curl -sSf http://web/x", "", "curl: (22) The requested URL returned error: 404\n", 22),
        (
            "nginx",
            "curl -sS -m 2 http://10.99.0.1/",
            "",
            "curl: (28) Connection timed out after 2001 milliseconds\n",
            28,
        ),
        ("nginx", "curl -s -o /dev/null -w %{http_code} http://web/x", "404", "", 0),
        (
            "busybox",
            "nslookup web.default.svc.cluster.local",
            "Server:\t\t10.43.0.10\nAddress:\t10.43.0.10:53\n\nName:\tweb.default.svc.cluster.local\nAddress: 10.42.0.10\n\n\n",
            "",
            0,
        ),
        (
            "busybox",
            "nslookup web.default",
            "Server:\t\t10.43.0.10\nAddress:\t10.43.0.10:53\n\n** server can't find web.default: NXDOMAIN\n\n** server can't find web.default: NXDOMAIN\n\n",
            "",
            1,
        ),
        (
            "busybox:1.28",
            "nslookup web",
            "Server:    10.43.0.10\nAddress 1: 10.43.0.10 kube-dns.kube-system.svc.cluster.local\n\nName:      web\nAddress 1: 10.42.0.10 web-0.web.default.svc.cluster.local\n",
            "",
            0,
        ),
        (
            "nicolaka/netshoot",
            "nslookup web",
            "Server:\t\t10.43.0.10\nAddress:\t10.43.0.10#53\n\nName:\tweb.default.svc.cluster.local\nAddress: 10.42.0.10\n\n",
            "",
            0,
        ),
        ("nicolaka/netshoot", "dig +short web.default.svc.cluster.local", "10.42.0.10\n", "", 0),
        (
            "nicolaka/netshoot",
            "dig +short SRV _http._tcp.web.default.svc.cluster.local",
            "0 100 80 web-0.web.default.svc.cluster.local.\n",
            "",
            0,
        ),
        ("debian", "getent hosts web", "10.42.0.10      web.default.svc.cluster.local\n", "", 0),
        ("debian", "getent hosts nosuch", "", "", 2),
        ("busybox", "nc -zv web 80", "", "web (10.42.0.10:80) open\n", 0),
        ("busybox", "nc -zv web 81", "", "nc: web (10.42.0.10:81): Connection refused\n", 1),
        ("busybox", "ping -c 1 nosuch", "", "ping: bad address 'nosuch'\n", 1),
        (
            "busybox",
            "ping -c 1 -W 1 10.99.0.1",
            "PING 10.99.0.1 (10.99.0.1): 56 data bytes\n\n--- 10.99.0.1 ping statistics ---\n1 packets transmitted, 0 packets received, 100% packet loss\n",
            "",
            1,
        ),
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        assert_eq!(lab.command(image, &words), (out.to_string(), err.to_string(), code), "{image}: {command}");
    }
}

#[test]
fn ping_takes_a_second_a_packet() {
    let mut lab = pods();
    let (out, _, code) = lab.command("busybox", &["ping", "-c", "2", "web"]);
    assert!(
        out.starts_with("PING web (10.42.0.10): 56 data bytes\n64 bytes from 10.42.0.10: seq=0 ttl=63 time=0."),
        "{out}"
    );
    assert!(out.contains("2 packets transmitted, 2 packets received, 0% packet loss\n"), "{out}");
    assert_eq!(code, 0);
}

#[test]
fn a_listener_and_a_client_talk() {
    let mut lab = Lab::default();
    let script = "echo pong | nc -l -p 9000";
    lab.pod("listener", "10.42.0.60", "busybox", &["sh", "-c", script], &[]);
    let (out, _, code) = lab.sh("busybox", "echo ping | nc 10.42.0.60 9000");
    assert_eq!((out.as_str(), code), ("pong\n", 0));
    lab.run(kstate::api::Duration::secs(1));
    assert_eq!(lab.printed("listener", 1), "ping\n");
    assert_eq!(lab.code("10.42.0.60"), Some(0));
    lab.pod("echo", "10.42.0.61", "busybox", &["nc", "-lk", "-p", "9001", "-e", "cat"], &[]);
    assert_eq!(lab.sh("busybox", "echo hello | nc -w 2 10.42.0.61 9001").0, "hello\n");
}

#[test]
fn names_are_answered_as_by_coredns() {
    let mut names = Names::default();
    names.namespaces.insert("default".into());
    let port = |port| Port { name: "http".into(), protocol: "tcp", port: Some(port) };
    let ip = |last| std::net::Ipv4Addr::new(10, 42, 0, last);
    let both = |at: u8| Endpoint { ip: ip(at), hostname: None, ports: vec![port(80)] };
    names.services.insert(("default".into(), "db".into()), Service::Headless(vec![both(1), both(2)]));
    names.services.insert(("default".into(), "api".into()), Service::ClusterIp(ip(9), vec![port(8080)], Vec::new()));
    let data = |name: &str, kind, turn| -> Vec<String> {
        names.answer(name, kind, turn).records.into_iter().map(|r| r.data).collect()
    };
    assert_eq!(data("db.default.svc.cluster.local", RecordType::A, 0), ["10.42.0.1", "10.42.0.2"]);
    assert_eq!(data("db.default.svc.cluster.local.", RecordType::A, 1), ["10.42.0.2", "10.42.0.1"]);
    assert_eq!(data("10-42-0-2.db.default.svc.cluster.local", RecordType::A, 0), ["10.42.0.2"]);
    assert_eq!(data("10-42-1-7.default.pod.cluster.local", RecordType::A, 0), ["10.42.1.7"]);
    assert_eq!(
        data("_http._tcp.api.default.svc.cluster.local", RecordType::Srv, 0),
        ["0 100 8080 api.default.svc.cluster.local."]
    );
    assert_eq!(data("9.0.42.10.in-addr.arpa", RecordType::Ptr, 0), ["api.default.svc.cluster.local."]);
    let missing = names.answer("no.default.svc.cluster.local", RecordType::A, 0);
    assert_eq!(missing.authority.len(), 1);
    assert!(missing.records.is_empty());
}
