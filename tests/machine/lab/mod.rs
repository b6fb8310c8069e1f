//! A few pods that reach each other and a name server: what the node does, in small.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use kstate::api::{Duration, Time};
use kstate::machine::disk::{Disk, Inode, Node};
use kstate::machine::errno::Errno;
use kstate::machine::images;
use kstate::machine::kernel::mounts::{Mount, Source};
use kstate::machine::kernel::{ContainerSpec, Disks, Sandbox, Signal, log};
use kstate::machine::net::dns::{Names, Port, Service};
use kstate::machine::net::{Answer, Caller, Outside, Peer, RecordType, Reply, Sent};

/// The name server's address.
pub const DNS: &str = "10.43.0.10";

/// When it all begins.
pub const BEGIN: Time = Time(1_774_000_000_000);

/// Everything but the sandbox that runs.
#[derive(Default)]
pub struct Net {
    pub pods: BTreeMap<IpAddr, Sandbox>,
    pub names: Names,
    pub turn: u64,
    pub next: u64,
    /// Connections: the pod that they lead to, and its port.
    pub open: BTreeMap<u64, (IpAddr, u16)>,
    /// Services: the pods and the port behind an address and port.
    pub services: BTreeMap<(IpAddr, u16), (Vec<IpAddr>, u16)>,
    /// What was said unasked.
    pub pushed: Vec<(u64, Reply)>,
    /// Addresses that swallow everything.
    pub black_holes: Vec<IpAddr>,
}

impl Net {
    fn tell(&mut self, from: Caller, connection: u64, sent: Sent<'_>, disks: &mut Disks) -> Result<Reply, Errno> {
        let (ip, port) = *self.open.get(&connection).ok_or(Errno::ConnReset)?;
        let mut pod = self.pods.remove(&ip).ok_or(Errno::ConnReset)?;
        let peer = Peer { ip: from.ip, port: from.port, connection, stands_for: from.stands_for };
        let reply = pod.serve(port, peer, sent, from.now, disks, self);
        self.pods.insert(ip, pod);
        reply
    }
}

impl Outside for Net {
    fn query(&mut self, _: Caller, server: IpAddr, name: &str, kind: RecordType) -> Result<Answer, Errno> {
        if server.to_string() != DNS {
            return Err(Errno::TimedOut);
        }
        self.turn += 1;
        Ok(self.names.answer(name, kind, self.turn - 1))
    }

    fn connect(&mut self, from: Caller, to: (IpAddr, u16), disks: &mut Disks) -> Result<(u64, Reply), Errno> {
        if self.black_holes.contains(&to.0) {
            return Err(Errno::TimedOut);
        }
        let to = match self.services.get(&to) {
            Some((pods, port)) => (*pods.first().ok_or(Errno::ConnRefused)?, *port),
            None => to,
        };
        if !self.pods.contains_key(&to.0) {
            return Err(if to.0.to_string().starts_with("10.43.") { Errno::ConnRefused } else { Errno::HostUnreach });
        }
        self.next += 1;
        self.open.insert(self.next, to);
        let number = self.next;
        let reply = self.tell(from, number, Sent::Open, disks)?;
        Ok((number, reply))
    }

    fn exchange(&mut self, from: Caller, connection: u64, bytes: &[u8], disks: &mut Disks) -> Result<Reply, Errno> {
        self.tell(from, connection, Sent::Bytes(bytes), disks)
    }

    fn close(&mut self, from: Caller, connection: u64, disks: &mut Disks) {
        let _ = self.tell(from, connection, Sent::Closed, disks);
        self.open.remove(&connection);
    }

    fn push(&mut self, connection: u64, reply: Reply) {
        self.pushed.push((connection, reply));
    }

    fn answers(&mut self, _: Caller, address: IpAddr) -> bool {
        self.pods.contains_key(&address)
    }
}

/// The pods, their disks and the time.
pub struct Lab {
    pub net: Net,
    pub disks: Disks,
    pub now: Time,
}

fn mount(at: &str, what: Source, device: &str, fs_type: &str) -> Mount {
    Mount {
        at: at.into(),
        what,
        read_only: false,
        device: device.into(),
        fs_type: fs_type.into(),
        options: String::new(),
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn v4(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

impl Default for Lab {
    fn default() -> Lab {
        let mut net = Net::default();
        for namespace in ["default", "kube-system"] {
            net.names.namespaces.insert(namespace.into());
        }
        let port = |name: &str, protocol, port| vec![Port { name: name.into(), protocol, port: Some(port) }];
        let dns = Service::ClusterIp(v4(DNS), port("dns", "udp", 53), Vec::new());
        net.names.services.insert(("kube-system".into(), "kube-dns".into()), dns);
        let api = Service::ClusterIp(v4("10.43.0.1"), port("https", "tcp", 443), Vec::new());
        net.names.services.insert(("default".into(), "kubernetes".into()), api);
        Lab { net, disks: Disks::default(), now: BEGIN }
    }
}

impl Lab {
    /// Starts a pod of one container `main`: with no words, with the image's own command.
    pub fn pod(&mut self, name: &str, address: &str, image: &str, words: &[&str], env: &[(&str, &str)]) -> String {
        let model = images::find(image);
        let mut args: Vec<String> = words.iter().map(|w| (*w).to_string()).collect();
        if args.is_empty() {
            args = model.entrypoint();
            args.extend(model.cmd());
        }
        self.pod_with(name, address, image, args, env)
    }

    /// Starts a pod with exactly those words.
    pub fn pod_with(
        &mut self,
        name: &str,
        address: &str,
        image: &str,
        args: Vec<String>,
        env: &[(&str, &str)],
    ) -> String {
        let model = images::find(image);
        let root = format!("root/{name}");
        self.disks.all.entry(root.clone()).or_insert_with(|| Disk::over_image(image));
        self.disks.all.insert(log::disk_of(name), Disk::new(0o755, None, self.now));
        let mut files = Disk::new(0o755, None, self.now);
        let hosts = format!(
            "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n{address}\t{name}\n"
        );
        let resolv = format!(
            "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver {DNS}\noptions ndots:5\n"
        );
        let put = |files: &mut Disk, name: &str, text: &str| {
            files.put(name, Inode::new(Node::File(text.into()), 0o644, (0, 0), self.now)).unwrap()
        };
        let (hosts, resolv) = (put(&mut files, "hosts", &hosts), put(&mut files, "resolv.conf", &resolv));
        self.disks.all.insert(format!("files/{name}"), files);
        let seed = name.bytes().fold(42, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let mut sandbox = Sandbox::new(name, name, seed, self.now);
        sandbox.ip = address.into();
        let (uid, gid) = model.user();
        let mut all: BTreeMap<String, String> = model.env().into_iter().collect();
        all.insert("HOSTNAME".into(), name.into());
        all.insert("HOME".into(), "/root".into());
        all.extend(env.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())));
        let disk = |ino| Source::Disk(format!("files/{name}"), ino);
        let spec = ContainerSpec {
            name: "main".into(),
            image: image.into(),
            args,
            env: all.into(),
            cwd: model.workdir(),
            mounts: vec![
                mount("/", Source::Disk(root, 0), "overlay", "overlay"),
                mount("/proc", Source::Proc, "proc", "proc"),
                mount("/etc/hosts", disk(hosts), "/dev/sda1", "ext4"),
                mount("/etc/resolv.conf", disk(resolv), "/dev/sda1", "ext4"),
            ],
            uid,
            gid,
            ..ContainerSpec::default()
        };
        let fault = match sandbox.start_container(spec, &mut self.disks, self.now) {
            Ok(()) => String::new(),
            Err(fault) => fault.0,
        };
        self.net.pods.insert(ip(address), sandbox);
        self.run(Duration(0));
        fault
    }

    /// Lets time pass, in all pods together.
    pub fn run(&mut self, by: Duration) {
        let end = self.now + by;
        let mut horizon = self.now;
        for _ in 0..1_000_000 {
            let mut next: Option<Time> = None;
            let all: Vec<IpAddr> = self.net.pods.keys().copied().collect();
            for address in all {
                let Some(mut pod) = self.net.pods.remove(&address) else { continue };
                let mut ran = pod.run(&mut self.disks, &mut self.net, horizon);
                while ran.ended {
                    ran = pod.run(&mut self.disks, &mut self.net, horizon);
                }
                self.net.pods.insert(address, pod);
                next = [next, ran.next].into_iter().flatten().min();
            }
            let pushed = std::mem::take(&mut self.net.pushed);
            let any = !pushed.is_empty();
            for (connection, reply) in pushed {
                for pod in self.net.pods.values_mut() {
                    if pod.pushed(connection, reply.clone()) {
                        break;
                    }
                }
            }
            if any {
                continue;
            }
            match next {
                Some(next) if next <= end => horizon = horizon.max(next),
                _ => break,
            }
        }
        self.now = end;
    }

    /// What a pod has printed on one stream (1 or 2), or on both (0).
    pub fn printed(&self, name: &str, stream: u8) -> String {
        let entries = log::entries(&self.disks.all[&log::disk_of(name)], "main", 0);
        let text: Vec<u8> =
            entries.iter().filter(|e| stream == 0 || e.stream == stream).flat_map(|e| e.text.clone()).collect();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The exit code of a pod that has ended.
    pub fn code(&self, address: &str) -> Option<i32> {
        self.net.pods[&ip(address)].containers["main"].ended.as_ref().map(|e| e.status.code())
    }

    /// Runs a command in a new pod to its end: what it printed, and its exit code.
    pub fn sh(&mut self, image: &str, command: &str) -> (String, String, i32) {
        self.command(image, &["sh", "-c", command])
    }

    /// Runs a command in a new pod, without a shell.
    pub fn command(&mut self, image: &str, words: &[&str]) -> (String, String, i32) {
        let number = self.net.pods.len() + 100;
        let (name, address) = (format!("test-{number}"), format!("10.42.9.{number}"));
        let fault = self.pod(&name, &address, image, words, &[]);
        if !fault.is_empty() {
            return (String::new(), fault, 128);
        }
        for _ in 0..400 {
            if self.code(&address).is_some() {
                break;
            }
            self.run(Duration::secs(1));
        }
        (self.printed(&name, 1), self.printed(&name, 2), self.code(&address).unwrap_or(-1))
    }

    /// Runs a command in a pod that is there, as `kubectl exec` does.
    pub fn exec(&mut self, address: &str, words: &[&str], stdin: &str) -> (String, String, i32) {
        let address = ip(address);
        let args = words.iter().map(|w| (*w).to_string()).collect();
        let pod = self.net.pods.get_mut(&address).unwrap();
        let (pid, session) = match pod.exec("main", args, (!stdin.is_empty(), false), &mut self.disks, self.now) {
            Ok(begun) => begun,
            Err(fault) => return (String::new(), fault.0, 126),
        };
        {
            let session = pod.sessions.get_mut(&session).unwrap();
            session.stdin.extend(stdin.bytes());
            session.stdin_open = false;
        }
        let mut code = -1;
        for _ in 0..400 {
            self.run(Duration::millis(500));
            if let Some(status) = self.net.pods.get_mut(&address).unwrap().exited.remove(&pid) {
                code = status.code();
                break;
            }
        }
        let output = self.net.pods[&address].sessions.get(&session).map(|s| s.output.clone()).unwrap_or_default();
        let of = |stream: u8| {
            let all: Vec<u8> = output.iter().filter(|o| o.0 == stream).flat_map(|o| o.1.clone()).collect();
            String::from_utf8_lossy(&all).into_owned()
        };
        (of(1), of(2), code)
    }

    /// Stops a pod as the runtime does.
    pub fn stop(&mut self, address: &str, signal: Signal) {
        let now = self.now;
        self.net.pods.get_mut(&ip(address)).unwrap().signal_container("main", signal, &mut self.disks, now);
        self.run(Duration::secs(1));
    }
}
