//! `kafka`: a broker that keeps topics in its log folder, and the scripts that make, list, fill and read them.
//!
//! Facts: apache/kafka's and Confluent's images (paths, settings by environment), Kafka's documentation of its tools, what a
//! broker prints. One broker answers for the whole cluster: it keeps the topics that are made at it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::reference::Reference;
use super::{Begin, Begun, Model, Server, wire};
use crate::api::Time;
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Input, Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::Civil;
use crate::machine::net::{Peer, Reply, Sent};

/// How a script speaks on the wire.
const ASKS: &[u8] = b"\x01kafka ";

/// The scripts.
const SCRIPTS: [&str; 4] =
    ["kafka-topics", "kafka-console-producer", "kafka-console-consumer", "kafka-broker-api-versions"];

/// The images.
pub(super) fn model(reference: &Reference) -> Model {
    let confluent = reference.name().starts_with("cp-");
    let mut model = Model::on(Base::Alpine((3, 21)))
        .version(reference.version_of(&["4.1.1", "4.0.1", "3.9.1", "3.8.1", "3.7.2"]))
        .runs_as("appuser")
        .account("appuser", 1000, 1000, "/home/appuser", "/bin/sh")
        .exposes(&[9092])
        .program("/bin/bash", "bash")
        .adds(200_000_000);
    model = match confluent {
        true => model.runs(&["/etc/confluent/docker/run"]).program("/etc/confluent/docker/run", "kafka"),
        false => model
            .enters(&["/__cacert_entrypoint.sh"])
            .runs(&["/etc/kafka/docker/run"])
            .program("/__cacert_entrypoint.sh", "entrypoint")
            .program("/etc/kafka/docker/run", "kafka"),
    };
    for folder in ["/tmp/kraft-combined-logs", "/var/lib/kafka/data", "/mnt/shared/config"] {
        model = model.dir(folder, 0o777, (1000, 1000)).keeps(&["/var/lib/kafka/data"]);
    }
    for script in SCRIPTS {
        model = match confluent {
            true => model.program(&format!("/usr/bin/{script}"), "kafka-tool"),
            false => model.program(&format!("/opt/kafka/bin/{script}.sh"), "kafka-tool"),
        };
    }
    model
}

fn start(sys: &mut Sys<'_>, _: &[String]) -> Begun {
    let version = super::find(sys.image()).version.clone();
    Begun::Serves(Server::Kafka(Box::new(Kafka { version, ..Kafka::default() })))
}

pub(super) const PROGRAMS: &[(&str, Begin)] = &[("kafka", start), ("kafka-tool", tool)];

/// The broker.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Kafka {
    started: bool,
    version: String,
    folder: String,
    id: String,
    host: String,
    port: u16,
    topics: BTreeMap<String, Topic>,
}

/// A topic.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Topic {
    id: String,
    partitions: u32,
    replicas: u32,
    messages: Vec<String>,
}

fn stamp(now: Time) -> String {
    let c = Civil::of(now);
    format!("[{} {},{:03}]", c.date(), c.clock(), c.milli)
}

impl Kafka {
    fn setting(sys: &Sys<'_>, name: &str) -> String {
        sys.env(&format!("KAFKA_{name}")).unwrap_or_default().to_string()
    }

    fn say(&self, sys: &mut Sys<'_>, level: &str, text: &str) {
        let line = format!("{} {level} {text}\n", stamp(sys.now()));
        sys.out(line);
    }

    fn begin(&mut self, sys: &mut Sys<'_>) -> Result<(), u8> {
        self.started = true;
        sys.set_disposition(Signal::TERM, Some(Disposition::Catch));
        sys.set_disposition(Signal::INT, Some(Disposition::Catch));
        let folder = Kafka::setting(sys, "LOG_DIRS");
        self.folder = if folder.is_empty() { "/tmp/kraft-combined-logs".into() } else { folder };
        let id = Kafka::setting(sys, "NODE_ID");
        self.id = if id.is_empty() { "1".into() } else { id };
        let listeners = Kafka::setting(sys, "ADVERTISED_LISTENERS");
        let place = listeners.split(',').next().and_then(|l| l.rsplit_once("://")).map_or("localhost:9092", |(_, p)| p);
        let (host, port) = place.rsplit_once(':').unwrap_or((place, "9092"));
        (self.host, self.port) = (host.to_string(), port.parse().unwrap_or(9092));
        sys.out("===> User\nuid=1000(appuser) gid=1000(appuser) groups=1000(appuser)\n===> Setting default values of environment variables if not already set.\n");
        let given = sys.env("CLUSTER_ID").map(String::from);
        if given.is_none() {
            sys.out("CLUSTER_ID not set. Setting it to default value: \"5L6g3nShT-eMCtK--X86sw\"\n");
        }
        let cluster = given.unwrap_or_else(|| "5L6g3nShT-eMCtK--X86sw".into());
        sys.out(format!("===> Configuring ...\n===> Launching ... \n===> Using provided cluster id {cluster} ...\n"));
        wire::make_dirs(sys, &self.folder);
        let path = format!("{}/meta.properties", self.folder);
        match sys.read_file(&path) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let kept = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default().to_string();
                let (known, node) = (kept("cluster.id="), kept("node.id="));
                if known != cluster {
                    sys.err(format!("Exception in thread \"main\" java.lang.RuntimeException: Invalid cluster.id in: {path}. Expected {cluster}, but read {known}\n"));
                    return Err(1);
                }
                if node != self.id {
                    sys.err(format!("Exception in thread \"main\" java.lang.RuntimeException: Stored node id {node} doesn't match previous node id {} in {path}. If you moved your data, make sure your configured node id matches. If you intend to create a new node, you should remove all data in your data directories.\n", self.id));
                    return Err(1);
                }
            }
            Err(_) => {
                let id = wire::uuid(sys);
                let text = format!("#\n#\ncluster.id={cluster}\ndirectory.id={id}\nnode.id={}\nversion=1\n", self.id);
                if let Err(fault) = sys.write_file(&path, text.as_bytes()) {
                    let why = sys.text(fault);
                    sys.err(format!("Error while writing meta.properties file {}: {path} ({why})\n", self.folder));
                    return Err(1);
                }
                sys.out(format!(
                    "Formatting dynamic metadata voter directory {} with metadata.version {}-IV0.\n",
                    self.folder,
                    short(&self.version)
                ));
            }
        }
        if let Ok(bytes) = sys.read_file(&format!("{}/__cluster_metadata-0", self.folder)) {
            self.topics = postcard::from_bytes(&bytes).unwrap_or_default();
        }
        for port in [self.port, 9092, 9093] {
            let _ = sys.listen(port);
        }
        let id = self.id.clone();
        self.say(
            sys,
            "INFO",
            "Registered kafka:type=kafka.Log4jController MBean (kafka.utils.Log4jControllerRegistration$)",
        );
        self.say(
            sys,
            "INFO",
            &format!("[BrokerServer id={id}] Transition from STARTING to STARTED (kafka.server.BrokerServer)"),
        );
        let version = self.version.clone();
        self.say(sys, "INFO", &format!("Kafka version: {version} (org.apache.kafka.common.utils.AppInfoParser)"));
        self.say(
            sys,
            "INFO",
            &format!("[KafkaRaftServer nodeId={id}] Kafka Server started (kafka.server.KafkaRaftServer)"),
        );
        Ok(())
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.started
            && let Err(code) = self.begin(sys)
        {
            return Turn::Exit(Status::Code(code));
        }
        if sys.take_signal().is_some() {
            self.say(
                sys,
                "INFO",
                "Terminating process due to signal SIGTERM (org.apache.kafka.common.utils.LoggingSignalHandler)",
            );
            let id = self.id.clone();
            self.say(sys, "INFO", &format!("[BrokerServer id={id}] shut down completed (kafka.server.BrokerServer)"));
            return Turn::Exit(Status::Code(143));
        }
        Turn::Wait(Wait::signal())
    }

    pub(super) fn receive(&mut self, sys: &mut Sys<'_>, _: u16, _: &Peer, sent: Sent<'_>) -> Reply {
        let Sent::Bytes(bytes) = sent else { return Reply::default() };
        let bytes = match bytes.strip_prefix(ASKS).map(postcard::from_bytes::<Vec<String>>) {
            Some(Ok(words)) => self.answer(sys, &words),
            _ => Vec::new(),
        };
        Reply { bytes, close: true, ..Reply::default() }
    }

    fn save(&self, sys: &mut Sys<'_>) {
        let bytes = postcard::to_stdvec(&self.topics).unwrap_or_default();
        let _ = sys.write_file(&format!("{}/__cluster_metadata-0", self.folder), &bytes);
        for (name, topic) in &self.topics {
            for partition in 0..topic.partitions.min(1000) {
                let _ = sys.mkdir(&format!("{}/{name}-{partition}", self.folder), 0o755);
            }
        }
    }

    /// Answers a script: what it wants, of which topic, with what.
    fn answer(&mut self, sys: &mut Sys<'_>, words: &[String]) -> Vec<u8> {
        let word = |at: usize| words.get(at).map_or("", String::as_str);
        let name = word(1).to_string();
        let missing = |name: &str| {
            let text = format!("Error while executing topic command : Topic '{name}' does not exist as expected\n");
            wire::answer(1, &text)
        };
        match word(0) {
            "list" => wire::answer(0, &self.topics.keys().map(|name| format!("{name}\n")).collect::<String>()),
            "create" if self.topics.contains_key(&name) => match word(4) {
                "if-not-exists" => wire::answer(0, ""),
                _ => {
                    wire::answer(1, &format!("Error while executing topic command : Topic '{name}' already exists.\n"))
                }
            },
            "create" => {
                let replicas: u32 = word(3).parse().unwrap_or(1);
                if replicas > 1 {
                    return wire::answer(
                        1,
                        &format!(
                            "Error while executing topic command : Unable to replicate the partition {replicas} time(s): The target replication factor of {replicas} cannot be reached because only 1 broker(s) are registered.\n"
                        ),
                    );
                }
                let id = wire::uuid(sys).replace('-', "").chars().take(22).collect();
                let partitions = word(2).parse().unwrap_or(1);
                self.topics.insert(name.clone(), Topic { id, partitions, replicas, messages: Vec::new() });
                self.save(sys);
                wire::answer(0, &format!("Created topic {name}.\n"))
            }
            "delete" => match self.topics.remove(&name) {
                None => missing(&name),
                Some(topic) => {
                    for partition in 0..topic.partitions.min(1000) {
                        let _ = sys.rmdir(&format!("{}/{name}-{partition}", self.folder));
                    }
                    self.save(sys);
                    wire::answer(0, "")
                }
            },
            "describe" => {
                if !name.is_empty() && !self.topics.contains_key(&name) {
                    return missing(&name);
                }
                let mut out = String::new();
                for (known, topic) in self.topics.iter().filter(|(known, _)| name.is_empty() || **known == name) {
                    let (id, partitions, replicas) = (&topic.id, topic.partitions, topic.replicas);
                    out.push_str(&format!("Topic: {known}\tTopicId: {id}\tPartitionCount: {partitions}\tReplicationFactor: {replicas}\tConfigs: \n"));
                    for partition in 0..partitions {
                        let me = &self.id;
                        out.push_str(&format!("\tTopic: {known}\tPartition: {partition}\tLeader: {me}\tReplicas: {me}\tIsr: {me}\tElr: \tLastKnownElr: \n"));
                    }
                }
                wire::answer(0, &out)
            }
            "produce" => {
                let topic =
                    self.topics.entry(name).or_insert_with(|| Topic { partitions: 1, replicas: 1, ..Topic::default() });
                topic.messages.extend(words.get(2..).unwrap_or_default().iter().cloned());
                self.save(sys);
                wire::answer(0, "")
            }
            "consume" => match self.topics.get(&name) {
                None => wire::answer(2, ""),
                Some(topic) => wire::answer(0, &topic.messages.iter().map(|m| format!("{m}\n")).collect::<String>()),
            },
            "versions" => {
                let (host, port, id) = (&self.host, self.port, &self.id);
                wire::answer(
                    0,
                    &format!(
                        "{host}:{port} (id: {id} rack: null isFenced: false) -> (\n\tProduce(0): 0 to 13 [usable: 13],\n\tFetch(1): 4 to 17 [usable: 17],\n\tMetadata(3): 0 to 13 [usable: 13]\n)\n"
                    ),
                )
            }
            _ => wire::answer(1, ""),
        }
    }
}

fn short(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

/// One of the scripts.
fn tool(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let script = args.first().map(|p| p.rsplit('/').next().unwrap_or_default().trim_end_matches(".sh").to_string());
    let script = script.unwrap_or_default();
    let get = |name: &str| {
        args.iter().enumerate().find_map(|(at, word)| match word.split_once('=') {
            Some((n, value)) if n == name => Some(value.to_string()),
            _ if word == name => Some(args.get(at + 1).cloned().unwrap_or_default()),
            _ => None,
        })
    };
    let has = |name: &str| args.iter().any(|word| word == name);
    let Some(server) = get("--bootstrap-server").or_else(|| get("--broker-list")) else {
        sys.err("Missing required argument \"[bootstrap-server]\"\n");
        return Begun::Exit(1);
    };
    let topic = get("--topic").unwrap_or_default();
    let words: Vec<String> = match script.as_str() {
        "kafka-topics" => {
            let verb = ["create", "list", "describe", "delete"].into_iter().find(|verb| has(&format!("--{verb}")));
            let Some(verb) = verb else {
                sys.err("Command must include exactly one action: --list, --describe, --create, --alter or --delete\n");
                return Begun::Exit(1);
            };
            let number = |name: &str| get(name).unwrap_or_else(|| "1".into());
            let calm = if has("--if-not-exists") { "if-not-exists" } else { "" };
            vec![verb.into(), topic, number("--partitions"), number("--replication-factor"), calm.into()]
        }
        "kafka-console-producer" => {
            let mut typed = Vec::new();
            while let Ok(Input::Bytes(bytes)) = sys.read(0, 1 << 20) {
                typed.extend(bytes);
            }
            let lines = String::from_utf8_lossy(&typed).lines().map(String::from).collect::<Vec<_>>();
            ["produce".to_string(), topic].into_iter().chain(lines).collect()
        }
        "kafka-console-consumer" => vec!["consume".into(), topic],
        _ => vec!["versions".into()],
    };
    let place = server.split(',').next().unwrap_or_default();
    let (host, port) = place.rsplit_once(':').unwrap_or((place, "9092"));
    let asked = [ASKS, &postcard::to_stdvec(&words).unwrap_or_default()].concat();
    let answer = wire::ask(sys, host, port.parse().unwrap_or(9092), &asked);
    let Some((code, text)) = answer.as_deref().and_then(wire::answered) else {
        let stamp = stamp(sys.now());
        sys.err(format!("{stamp} WARN [AdminClient clientId=adminclient-1] Connection to node -1 ({place}) could not be established. Node may not be available. (org.apache.kafka.clients.NetworkClient)\nError while executing topic command : Timed out waiting for a node assignment. Call: listTopics\n"));
        return Begun::Exit(1);
    };
    if script == "kafka-console-consumer" {
        let most = get("--max-messages").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
        let lines: Vec<&str> = if has("--from-beginning") { text.lines().take(most).collect() } else { Vec::new() };
        sys.out(lines.iter().map(|line| format!("{line}\n")).collect::<String>());
        sys.err(format!("Processed a total of {} messages\n", lines.len()));
        return Begun::Exit(0);
    }
    if code == 0 {
        sys.out(text)
    } else {
        sys.err(text)
    }
    Begun::Exit(code)
}
