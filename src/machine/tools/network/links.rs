//! What shows the pod's network: `ip`, `ifconfig`, `route`, `arp`, `netstat`, `ss`; `traceroute` gets nowhere.

use std::net::Ipv4Addr;

use super::Started;
use crate::machine::images::Userland;
use crate::machine::kernel::Sys;

/// The address of the pod.
fn address(sys: &Sys<'_>) -> Ipv4Addr {
    sys.sandbox.ip.parse().unwrap_or(Ipv4Addr::LOCALHOST)
}

/// The first address of the node's part of the pods' network: the bridge.
fn gateway(sys: &Sys<'_>) -> Ipv4Addr {
    let [a, b, c, _] = address(sys).octets();
    Ipv4Addr::new(a, b, c, 1)
}

/// The hardware address of the pod's interface, drawn from its seed.
fn mac(sys: &Sys<'_>) -> String {
    let z = sys.sandbox.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(u32::from(address(sys)));
    let b = z.to_le_bytes();
    format!("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0] & 0xfc | 2, b[1], b[2], b[3], b[4], b[5])
}

/// The address that IPv6 makes of a hardware address.
fn link_local(sys: &Sys<'_>) -> String {
    let mac = mac(sys);
    let b: Vec<u16> = mac.split(':').filter_map(|h| u16::from_str_radix(h, 16).ok()).collect();
    let at = |i: usize| b.get(i).copied().unwrap_or_default();
    let words = [(at(0) ^ 2) << 8 | at(1), at(2) << 8 | 0xff, 0xfe00 | at(3), at(4) << 8 | at(5)];
    format!("fe80::{:x}:{:x}:{:x}:{:x}", words[0], words[1], words[2], words[3])
}

pub(super) fn ip(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let words: Vec<&str> = args.iter().skip(1).map(String::as_str).filter(|a| !a.starts_with('-')).collect();
    let brief = args.iter().any(|a| a == "-br" || a == "-brief");
    if args.iter().any(|a| a == "-V") {
        sys.out("ip utility, iproute2-6.15.0\n");
        return Started::Exit(0);
    }
    let Some(object) = words.first() else {
        sys.err("Usage: ip [OPTIONS] address|route|link|neigh|rule [ARGS]\n");
        return Started::Exit(1);
    };
    let device = words.iter().skip(1).find(|w| !matches!(**w, "show" | "list" | "dev" | "ls" | "s" | "sh")).copied();
    if matches!(words.get(1), Some(&("add" | "del" | "set" | "flush" | "change" | "replace"))) {
        sys.err(if gnu {
            "RTNETLINK answers: Operation not permitted\n"
        } else {
            "ip: RTNETLINK answers: Operation not permitted\n"
        });
        return Started::Exit(if gnu { 2 } else { 1 });
    }
    let (own, mac, six, gate) = (address(sys), mac(sys), link_local(sys), gateway(sys));
    let [a, b, c, _] = own.octets();
    let begins = |full: &str| full.starts_with(object) && !object.is_empty();
    if begins("address") || begins("addr") || begins("link") {
        let with_addresses = !begins("link") || object.len() < 2 && begins("address");
        if device.is_some_and(|d| d != "lo" && d != "eth0") {
            let name = device.unwrap_or_default();
            sys.err(if gnu {
                format!("Device \"{name}\" does not exist.\n")
            } else {
                format!("ip: can't find device '{name}'\n")
            });
            return Started::Exit(1);
        }
        if brief {
            sys.out(format!("lo               UNKNOWN        127.0.0.1/8 ::1/128 \neth0@if12        UP             {own}/24 {six}/64 \n"));
            return Started::Exit(0);
        }
        let (state_lo, state_eth, proto) = match gnu {
            true => (" state UNKNOWN group default", " state UP group default", " proto kernel_ll"),
            false => ("", "", ""),
        };
        let proto = if gnu { proto } else { "" };
        let mut out = String::new();
        if device.is_none_or(|d| d == "lo") {
            out.push_str(&format!("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue{state_lo} qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n"));
            if with_addresses {
                out.push_str(&format!("    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n    inet6 ::1/128 scope host {}\n       valid_lft forever preferred_lft forever\n", if gnu { "proto kernel_lo " } else { "" }));
            }
        }
        if device.is_none_or(|d| d == "eth0") {
            let tail = if gnu { " link-netnsid 0" } else { " " };
            let qlen = if gnu { " qlen 1000" } else { "" };
            let _ = qlen;
            out.push_str(&format!("2: eth0@if12: <BROADCAST,MULTICAST,UP,LOWER_UP{}> mtu 1450 qdisc noqueue{state_eth} {}\n    link/ether {mac} brd ff:ff:ff:ff:ff:ff{}\n", if gnu { "" } else { ",M-DOWN" }, if gnu { "" } else { "qlen 1000" }, if gnu { tail } else { "" }));
            if with_addresses {
                out.push_str(&format!("    inet {own}/24 brd {a}.{b}.{c}.255 scope global eth0\n       valid_lft forever preferred_lft forever\n    inet6 {six}/64 scope link{proto} \n       valid_lft forever preferred_lft forever\n"));
            }
        }
        sys.out(out);
        return Started::Exit(0);
    }
    if begins("route") || *object == "r" {
        let space = if gnu { "" } else { " " };
        if words.get(1) == Some(&"get") {
            let to = words.get(2).copied().unwrap_or("1.1.1.1");
            sys.out(format!("{to} via {gate} dev eth0 src {own}{}\n", if gnu { " uid 0 \n    cache " } else { " " }));
            return Started::Exit(0);
        }
        let proto = if gnu { " proto kernel" } else { "" };
        sys.out(format!(
            "default via {gate} dev eth0 \n{a}.{b}.0.0/16 via {gate} dev eth0 \n{a}.{b}.{c}.0/24 dev eth0{proto} scope link {space}src {own} \n"
        ));
        return Started::Exit(0);
    }
    if begins("neighbour") || begins("neighbor") || begins("neigh") {
        sys.out(format!(
            "{gate} dev eth0 lladdr 7e:3a:9c:51:0d:22 {}REACHABLE \n",
            if gnu { "" } else { "ref 1 used 0/0/0 probes 1 " }
        ));
        return Started::Exit(0);
    }
    if begins("rule") {
        sys.out("0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n");
        return Started::Exit(0);
    }
    let text = match gnu {
        true => format!("Object \"{object}\" is unknown, try \"ip help\".\n"),
        false => format!("ip: invalid argument '{object}' to 'ip'\n"),
    };
    sys.err(text);
    Started::Exit(1)
}

pub(super) fn ifconfig(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let device = args.iter().skip(1).find(|a| !a.starts_with('-')).cloned();
    let (own, mac, six) = (address(sys), mac(sys), link_local(sys));
    let [a, b, c, _] = own.octets();
    if let Some(name) = device.as_ref().filter(|d| !matches!(d.as_str(), "eth0" | "lo")) {
        let text = match sys.userland() {
            Userland::Gnu => format!("{name}: error fetching interface information: Device not found\n"),
            Userland::Busybox => format!("ifconfig: {name}: error fetching interface information: Device not found\n"),
        };
        sys.err(text);
        return Started::Exit(1);
    }
    let shows = |name: &str| device.as_ref().is_none_or(|d| d == name);
    let mut out = String::new();
    if sys.userland() == Userland::Gnu {
        if shows("eth0") {
            out.push_str(&format!("eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1450\n        inet {own}  netmask 255.255.255.0  broadcast {a}.{b}.{c}.255\n        inet6 {six}  prefixlen 64  scopeid 0x20<link>\n        ether {mac}  txqueuelen 0  (Ethernet)\n        RX packets 21  bytes 1742 (1.7 KiB)\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX packets 13  bytes 1006 (1006.0 B)\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n"));
        }
        if shows("lo") {
            out.push_str("lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n        inet6 ::1  prefixlen 128  scopeid 0x10<host>\n        loop  txqueuelen 1000  (Local Loopback)\n        RX packets 0  bytes 0 (0.0 B)\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX packets 0  bytes 0 (0.0 B)\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n");
        }
    } else {
        if shows("eth0") {
            out.push_str(&format!("eth0      Link encap:Ethernet  HWaddr {}  \n          inet addr:{own}  Bcast:{a}.{b}.{c}.255  Mask:255.255.255.0\n          inet6 addr: {six}/64 Scope:Link\n          UP BROADCAST RUNNING MULTICAST  MTU:1450  Metric:1\n          RX packets:21 errors:0 dropped:0 overruns:0 frame:0\n          TX packets:13 errors:0 dropped:0 overruns:0 carrier:0\n          collisions:0 txqueuelen:0 \n          RX bytes:1742 (1.7 KiB)  TX bytes:1006 (1006.0 B)\n\n", mac.to_uppercase()));
        }
        if shows("lo") {
            out.push_str("lo        Link encap:Local Loopback  \n          inet addr:127.0.0.1  Mask:255.0.0.0\n          inet6 addr: ::1/128 Scope:Host\n          UP LOOPBACK RUNNING  MTU:65536  Metric:1\n          RX packets:0 errors:0 dropped:0 overruns:0 frame:0\n          TX packets:0 errors:0 dropped:0 overruns:0 carrier:0\n          collisions:0 txqueuelen:1000 \n          RX bytes:0 (0.0 B)  TX bytes:0 (0.0 B)\n\n");
        }
    }
    sys.out(out);
    Started::Exit(0)
}

pub(super) fn route(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let (own, gate) = (address(sys), gateway(sys));
    let [a, b, c, _] = own.octets();
    let numeric = args.iter().any(|a| a.starts_with('-') && a.contains('n'));
    let (all, none) = if numeric { ("0.0.0.0", "0.0.0.0") } else { ("default", "*") };
    let line = |to: &str, via: &str, mask: &str, flags: &str| {
        format!("{to:<15} {via:<15} {mask:<15} {flags:<5} 0      0        0 eth0\n")
    };
    sys.out(format!(
        "Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n{}{}{}",
        line(all, &gate.to_string(), "0.0.0.0", "UG"),
        line(&format!("{a}.{b}.0.0"), &gate.to_string(), "255.255.0.0", "UG"),
        line(&format!("{a}.{b}.{c}.0"), none, "255.255.255.0", "U")
    ));
    Started::Exit(0)
}

pub(super) fn arp(sys: &mut Sys<'_>, _: &[String]) -> Started {
    let gate = gateway(sys);
    sys.out(format!("? ({gate}) at 7e:3a:9c:51:0d:22 [ether]  on eth0\n"));
    Started::Exit(0)
}

/// Ports that are listened on, with the process where it is in this container.
fn listeners(sys: &Sys<'_>) -> Vec<(u16, Option<(u32, String)>)> {
    let name = |pid: &u32| {
        let process = sys.sandbox.processes.get(pid).filter(|p| sys.sees(p))?;
        let first = process.args.first()?;
        let first = first.rsplit('/').next().unwrap_or(first);
        let name = if first == "nginx" { "nginx: master process nginx" } else { first };
        Some((process.local, name.to_string()))
    };
    sys.sandbox.listeners.iter().map(|(port, pid)| (*port, name(pid))).collect()
}

pub(super) fn netstat(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let letters: String =
        args.iter().skip(1).filter_map(|a| a.strip_prefix('-')).filter(|a| !a.starts_with('-')).collect();
    let has = |c: char| letters.contains(c);
    if has('r') {
        return route(sys, args);
    }
    let (listens, all, programs) = (has('l'), has('a'), has('p'));
    let kind = match (listens, all) {
        (true, _) => "only servers",
        (_, true) => "servers and established",
        _ => "w/o servers",
    };
    let tail = if programs { "PID/Program name    " } else { "" };
    let mut out = format!(
        "Active Internet connections ({kind})\nProto Recv-Q Send-Q Local Address           Foreign Address         State       {tail}\n"
    );
    let line = |local: &str, foreign: &str, state: &str, who: &str| {
        let who = if programs { format!(" {who}") } else { String::new() };
        format!("tcp        0      0 {local:<23} {foreign:<23} {state:<11}{who}\n")
    };
    if listens || all {
        for (port, who) in listeners(sys) {
            let who = who
                .map_or("-".to_string(), |(pid, name)| format!("{pid}/{}", name.chars().take(18).collect::<String>()));
            out.push_str(&line(&format!("0.0.0.0:{port}"), "0.0.0.0:*", "LISTEN", &who));
        }
    }
    if !listens {
        let own = address(sys);
        let accepted = sys
            .sandbox
            .accepted
            .values()
            .map(|a| (format!("{own}:{}", a.port), format!("{}:{}", a.peer.ip, a.peer.port)));
        let opened =
            sys.sandbox.connections.values().map(|c| (format!("{own}:{}", c.port), format!("{}:{}", c.to.0, c.to.1)));
        let all: Vec<(String, String)> = accepted.chain(opened).collect();
        for (local, foreign) in all {
            out.push_str(&line(&local, &foreign, "ESTABLISHED", "-"));
        }
    }
    if !has('t') && !has('l') && !has('u') {
        out.push_str(
            "Active UNIX domain sockets (w/o servers)\nProto RefCnt Flags       Type       State         I-Node Path\n",
        );
    }
    sys.out(out);
    Started::Exit(0)
}

pub(super) fn ss(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let letters: String =
        args.iter().skip(1).filter_map(|a| a.strip_prefix('-')).filter(|a| !a.starts_with('-')).collect();
    let programs = letters.contains('p');
    let mut out = "State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n".to_string();
    if letters.contains('l') || letters.contains('a') {
        for (port, who) in listeners(sys) {
            let who = match who.filter(|_| programs) {
                Some((pid, name)) => {
                    format!("users:((\"{}\",pid={pid},fd=3))", name.split(':').next().unwrap_or(&name))
                }
                None => String::new(),
            };
            out.push_str(&format!("LISTEN 0      511          0.0.0.0:{port:<5}     0.0.0.0:*    {who}\n"));
        }
    }
    sys.out(out);
    Started::Exit(0)
}

pub(super) fn traceroute(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let host = args.iter().skip(1).find(|a| !a.starts_with('-')).cloned().unwrap_or_default();
    let gnu = sys.userland() == Userland::Gnu;
    match crate::machine::net::resolver::resolve(sys, &host) {
        Ok(_) => {
            sys.err("traceroute: socket(AF_INET,3,1): Operation not permitted\n");
            Started::Exit(1)
        }
        Err(_) if gnu => {
            sys.err(format!("{host}: Name or service not known\nCannot handle \"host\" cmdline arg `{host}' on position 1 (argc 1)\n"));
            Started::Exit(2)
        }
        Err(_) => {
            sys.err(format!("traceroute: bad address '{host}'\n"));
            Started::Exit(1)
        }
    }
}
