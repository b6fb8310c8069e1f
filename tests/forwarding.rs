//! `port-forward`: a socket of this machine that leads to a pod.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use crate::home::Home;

/// A `port-forward` that is ended with the test.
struct Forward {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Drop for Forward {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Forward {
    fn new(home: &Home, line: &str) -> Forward {
        let mut command = home.command(line);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("to run kstate");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        Forward { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("a line");
        line.trim_end().to_string()
    }

    /// The port that is listened on, from the first line.
    fn port(&mut self) -> u16 {
        let line = self.line();
        let port = line.strip_prefix("Forwarding from 127.0.0.1:").and_then(|rest| rest.split_once(" -> "));
        port.and_then(|(port, _)| port.parse().ok()).unwrap_or_else(|| panic!("{line}"))
    }
}

fn talk(port: u16, say: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("to connect");
    stream.write_all(say).expect("to send");
    stream.shutdown(std::net::Shutdown::Write).expect("to end");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn ports_lead_to_what_listens_in_a_pod() {
    let home = Home::manual();
    home.ok("run web --image=nginx --port=80");
    home.ok("expose pod web --port=8080 --target-port=80");
    home.ok("run cache --image=redis");
    home.ok("clock settle");
    let mut web = Forward::new(&home, "port-forward svc/web :8080 --address 127.0.0.1");
    let port = web.port();
    let answer = talk(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(web.line(), format!("Handling connection for {port}"));
    let mut cache = Forward::new(&home, "port-forward pod/cache :6379 --address 127.0.0.1");
    let port = cache.port();
    assert_eq!(talk(port, b"SET a 1\r\nGET a\r\n"), "+OK\r\n$1\r\n1\r\n");
    // Others work on the cluster meanwhile, and see what came of it.
    assert_eq!(home.ok("exec cache -- redis-cli get a"), "1\n");
    assert!(home.ok("logs web").contains("\"GET / HTTP/1.1\" 200"));
}

#[test]
fn where_nobody_listens_the_connection_is_lost() {
    let home = Home::manual();
    home.ok("run web --image=nginx");
    home.ok("clock settle");
    let mut forward = Forward::new(&home, "port-forward web :81 --address 127.0.0.1");
    let port = forward.port();
    assert_eq!(talk(port, b""), "");
    assert_eq!(forward.child.wait().expect("its end").code(), Some(1));
    let mut said = String::new();
    forward.child.stderr.take().expect("its faults").read_to_string(&mut said).expect("text");
    assert!(said.contains("error forwarding port 81 to pod"), "{said}");
    assert!(said.ends_with("connection refused \"\nerror: lost connection to pod\n"), "{said}");
}
