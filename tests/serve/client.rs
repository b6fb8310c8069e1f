//! A served cluster, and a small client of it: TLS, HTTP/1.1 and WebSocket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::home::Home;

pub type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A `kstate serve` that is ended with the test.
pub struct Served {
    child: Child,
    pub port: u16,
    pub token: String,
    config: Arc<ClientConfig>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> String {
        let is_it = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{}:", name.to_ascii_lowercase()));
        let line = self.head.lines().find(is_it);
        line.and_then(|line| line.split_once(':')).map_or(String::new(), |(_, value)| value.trim().to_string())
    }
}

/// A value of a kubeconfig that is written as kstate writes it.
pub fn value_in(kubeconfig: &str, field: &str) -> String {
    let line = kubeconfig.lines().find_map(|line| line.trim().strip_prefix(&format!("{field}: ")));
    line.unwrap_or_else(|| panic!("{field} in {kubeconfig}")).to_string()
}

impl Served {
    pub fn new(home: &Home) -> Served {
        let mut command = home.command("serve --port 0");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("to run kstate");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        assert!(line.starts_with("serving cluster \"k3d-deadless\" at https://127.0.0.1:"), "{line}");
        let kubeconfig = home.ok("kubeconfig");
        let authority = base64::engine::general_purpose::STANDARD
            .decode(value_in(&kubeconfig, "certificate-authority-data"))
            .expect("base64");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&authority).expect("a certificate")).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let server = value_in(&kubeconfig, "server");
        let port = server.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        Served { child, port, token: value_in(&kubeconfig, "token"), config: Arc::new(config) }
    }

    /// A connection.
    pub fn connect(&self) -> Stream {
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).expect("to connect");
        tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let name = "127.0.0.1".try_into().expect("a name");
        let tls = ClientConnection::new(Arc::clone(&self.config), name).expect("TLS");
        StreamOwned::new(tls, tcp)
    }

    /// Sends the head of a request, whose token is the admin's.
    pub fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Stream {
        let mut stream = self.connect();
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test/1\r\n");
        let mut all: Vec<(&str, String)> = headers.iter().map(|(n, v)| (*n, v.to_string())).collect();
        for (name, value) in [("Authorization", format!("Bearer {}", self.token)), ("Connection", "close".into())] {
            if !all.iter().any(|(n, _)| *n == name) {
                all.push((name, value));
            }
        }
        for (name, value) in all {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).expect("to send");
        // OBSERVATION: who is refused at once is not read to the end.
        let _ = stream.write_all(body);
        stream
    }

    /// A whole conversation.
    pub fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut stream = self.send(method, target, headers, body.as_bytes());
        let mut all = Vec::new();
        // OBSERVATION: some close without TLS's goodbye.
        let _ = stream.read_to_end(&mut all);
        answer(&all)
    }

    pub fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[], "")
    }

    pub fn post(&self, target: &str, body: &str) -> Answer {
        self.ask("POST", target, &[("Content-Type", "application/json")], body)
    }

    /// The lines of a stream as they come; the head is read.
    pub fn follow(&self, target: &str) -> Lines {
        let mut reader = BufReader::new(self.send("GET", target, &[], b""));
        let mut line = String::new();
        while reader.read_line(&mut line).expect("a head") > 2 {
            line.clear();
        }
        Lines(reader)
    }

    /// A WebSocket, after the answer to its request.
    pub fn web_socket(&self, target: &str, protocol: &str) -> (String, Stream) {
        let headers = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Protocol", protocol),
        ];
        let mut stream = self.send("GET", target, &headers, b"");
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
            head.push(byte[0]);
        }
        (String::from_utf8_lossy(&head).into_owned(), stream)
    }
}

/// The lines of a stream in chunks.
pub struct Lines(BufReader<Stream>);

impl Lines {
    /// The next one that is no chunk's size; nothing at the end.
    pub fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            match self.0.read_line(&mut line) {
                Ok(0) | Err(_) => return None,
                Ok(_) if line.starts_with('{') => return serde_json::from_str(&line).ok(),
                Ok(_) => {}
            }
        }
    }
}

fn answer(all: &[u8]) -> Answer {
    let at =
        all.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(all)));
    let head = String::from_utf8_lossy(&all[..at]).into_owned();
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    let body = &all[at + 4..];
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    Answer { status, head, body: if chunked { unchunked(body) } else { body.to_vec() } }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(at) = rest.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(String::from_utf8_lossy(&rest[..at]).trim(), 16).unwrap_or(0);
        if size == 0 || rest.len() < at + 2 + size {
            break;
        }
        body.extend_from_slice(&rest[at + 2..at + 2 + size]);
        rest = rest.get(at + 4 + size..).unwrap_or_default();
    }
    body
}

/// Sends a message on a channel.
pub fn say(stream: &mut Stream, channel: u8, bytes: &[u8]) {
    let mut frame = vec![0x82, 0x80 | u8::try_from(bytes.len() + 1).expect("a short message"), 0, 0, 0, 0, channel];
    frame.extend_from_slice(bytes);
    stream.write_all(&frame).expect("to send");
}

/// What comes on each channel until the server closes: channel and bytes.
pub fn hear(stream: &mut Stream) -> Vec<(u8, String)> {
    hear_until(stream, "\0never\0")
}

/// The same until a text was among it.
pub fn hear_until(stream: &mut Stream, end: &str) -> Vec<(u8, String)> {
    let mut heard: Vec<(u8, String)> = Vec::new();
    while !heard.iter().any(|(_, text)| text.contains(end)) {
        let mut head = [0; 2];
        if stream.read_exact(&mut head).is_err() || head[0] & 0x0f == 8 {
            return heard;
        }
        let length = match head[1] & 0x7f {
            126 => {
                let mut two = [0; 2];
                stream.read_exact(&mut two).expect("a length");
                usize::from(u16::from_be_bytes(two))
            }
            short => usize::from(short),
        };
        let mut message = vec![0; length];
        stream.read_exact(&mut message).expect("a message");
        let Some((channel, bytes)) = message.split_first() else { continue };
        let text = String::from_utf8_lossy(bytes).into_owned();
        match heard.iter_mut().find(|(known, _)| known == channel) {
            Some((_, all)) => all.push_str(&text),
            None => heard.push((*channel, text)),
        }
    }
    heard
}
