//! `port-forward` and `proxy`: sockets of this machine that lead to a pod, or to the API server.

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

    /// The port that a proxy listens on, from its line.
    fn proxy_port(&mut self) -> u16 {
        let line = self.line();
        let port = line.strip_prefix("Starting to serve on 127.0.0.1:");
        port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("{line}"))
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

/// The status line of an answer and its body.
fn ask(port: u16, method: &str, path: &str, host: &str) -> (String, String) {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("to connect");
    stream.write_all(request.as_bytes()).expect("to send");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.lines().next().unwrap_or_default().replace("HTTP/1.1 ", ""), body.to_string())
}

#[test]
fn a_proxy_leads_to_the_server_and_to_files() {
    let home = Home::manual();
    home.ok("create configmap there");
    std::fs::create_dir_all(home.path().join("work/www/sub")).expect("a folder");
    home.write("www/sub/page.html", "<p>hello</p>");
    home.write("www/a&b.txt", "text");
    let mut proxy = Forward::new(&home, "proxy --port=0 --www=www --api-prefix=/k8s");
    let port = proxy.proxy_port();
    let get = |path: &str| ask(port, "GET", path, "localhost:8001");
    let (status, body) = get("/k8s/api/v1/namespaces/default/configmaps/there");
    assert_eq!(status, "200 OK");
    assert!(body.contains("\"name\":\"there\""), "{body}");
    let answers = [
        get("/k8s"),
        get("/api"),
        get("/static/"),
        get("/static/a&b.txt"),
        get("/static/sub/page.html"),
        get("/static/sub"),
        get("/static/../../etc/passwd"),
        get("/k8s/api/v1/namespaces/default/pods/x/exec"),
        ask(port, "GET", "/k8s/api", "example.com"),
        ask(port, "POST", "/static/a&b.txt", "[::1]:8001"),
    ];
    let said: Vec<String> =
        answers.iter().map(|(status, body)| format!("{status}: {}", body.trim_end().replace('\n', " "))).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    301 Moved Permanently: <a href="/k8s/">Moved Permanently</a>.
    404 Not Found: 404 page not found
    200 OK: <!doctype html> <meta name="viewport" content="width=device-width"> <pre> <a href="a&b.txt">a&amp;b.txt</a> <a href="sub/">sub/</a> </pre>
    200 OK: text
    200 OK: <p>hello</p>
    301 Moved Permanently: <a href="sub/">Moved Permanently</a>.
    404 Not Found: 404 page not found
    403 Forbidden: Forbidden
    403 Forbidden: Forbidden
    405 Method Not Allowed: Method Not Allowed
    "#);
    // Others see what came through, and those who follow there see what others do.
    let watch = std::thread::spawn(move || {
        ask(
            port,
            "GET",
            "/k8s/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=2&resourceVersion=0",
            "localhost",
        )
        .1
    });
    home.ok("create configmap later");
    assert!(watch.join().expect("a watch").contains("later"));
}

#[test]
fn a_proxy_has_the_rights_of_the_one_who_runs_it_and_no_more() {
    let home = Home::manual();
    let mut proxy = Forward::new(&home, "proxy --port=0 --as=bob --accept-paths=^/api/ --reject-methods=DELETE");
    let port = proxy.proxy_port();
    let (status, body) = ask(port, "GET", "/api/v1/pods", "localhost");
    assert_eq!(status, "403 Forbidden");
    assert!(body.contains("User \\\"bob\\\" cannot list"), "{body}");
    assert_eq!(ask(port, "GET", "/version", "localhost").1, "Forbidden\n");
    assert_eq!(ask(port, "DELETE", "/api/v1/pods", "localhost").1, "Forbidden\n");
}

#[test]
fn a_proxy_says_what_is_wrong_with_its_options() {
    let home = Home::manual();
    let lines = ["proxy --unix-socket=s --port=3", "proxy --port=70000", "proxy --address=nowhere.invalid"];
    let said: Vec<String> = lines.iter().map(|line| home.run(line).err).collect();
    insta::assert_snapshot!(said.concat(), @r"
    error: cannot set --unix-socket and --port at the same time
    error: listen tcp: address 70000: invalid port
    error: listen tcp: lookup nowhere.invalid: no such host
    ");
    let refused = home.run("proxy --accept-paths=(");
    assert!(refused.err.contains("proxy_server.go:84] Error compiling re: error parsing regexp"), "{}", refused.err);
    assert_eq!(refused.code, Some(255));
}

#[cfg(unix)]
#[test]
fn a_proxy_listens_at_a_socket_for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;
    let home = Home::manual();
    let mut proxy = Forward::new(&home, "proxy --unix-socket=api.sock");
    assert_eq!(proxy.line(), "Starting to serve on api.sock");
    let path = home.path().join("work/api.sock");
    assert_eq!(std::fs::metadata(&path).expect("a socket").permissions().mode() & 0o777, 0o700);
    let mut stream = UnixStream::connect(&path).expect("to connect");
    stream.write_all(b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("to send");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("\"gitVersion\":\"v1.36.2\""), "{answer}");
}
