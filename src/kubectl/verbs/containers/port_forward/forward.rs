//! Carrying bytes between local connections and the pod, until the connection is lost.
//!
//! Mirrors `PortForwarder` of `k8s.io/client-go/tools/portforward`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{ForwardedPort, ListenAddress};
use crate::error::Failure;
use crate::host::sockets::{Heard, Sockets};
use crate::kubectl::session::Session;
use crate::server::Answered;

/// The line of kubectl's source that tells what went wrong with a connection.
const HANDLE_ERROR: &str = "portforward.go:522";

/// Listens, and forwards.
pub(super) fn run(
    session: &mut Session<'_>,
    uid: &str,
    addresses: &[ListenAddress],
    mut ports: Vec<ForwardedPort>,
) -> Result<(), Failure> {
    let Some(mut sockets) = session.host.sockets() else {
        return Err(Failure::error("port-forward opens sockets of this machine: that is not for within a lesson"));
    };
    // By the listener's number.
    let mut listeners: Vec<ForwardedPort> = Vec::new();
    let mut listens = false;
    for port in &mut ports {
        match listen_on_port(session, &mut sockets, addresses, port, &mut listeners) {
            Ok(()) => listens = true,
            Err(why) => session.ui.err(&format!("Unable to listen on port {}: {why}\n", port.local)),
        }
    }
    if !listens {
        let list: Vec<String> = ports.iter().map(|p| format!("{{{} {}}}", p.local, p.remote)).collect();
        let text = format!("unable to listen on any of the requested ports: [{}]", list.join(" "));
        return Err(Failure::error(text));
    }
    let mut open: BTreeMap<u64, u64> = BTreeMap::new();
    loop {
        let heard = session.client.ask(|_| Ok(sockets.wait()))?;
        for heard in heard {
            match heard {
                Heard::Opened(id, listener) => {
                    let Some(port) = listeners.get(listener).copied() else { continue };
                    session.ui.out(&format!("Handling connection for {}\n", port.local));
                    match session.client.open_forward(uid, port.remote) {
                        Ok((connection, hello)) => {
                            open.insert(id, connection);
                            answer(&mut sockets, &mut open, id, hello);
                        }
                        Err(why) => return Err(lost(session, uid, port, &why)),
                    }
                }
                Heard::Bytes(id, bytes) => {
                    let Some(connection) = open.get(&id).copied() else { continue };
                    let answered = session.client.send_forward(connection, &bytes);
                    answer(&mut sockets, &mut open, id, answered);
                }
                Heard::Ended(id) => {
                    let Some(connection) = open.get(&id).copied() else { continue };
                    let answered = session.client.send_forward(connection, b"");
                    answer(&mut sockets, &mut open, id, answered);
                }
                Heard::Broke(id) => {
                    if let Some(connection) = open.remove(&id) {
                        session.client.close_forward(connection);
                    }
                }
            }
        }
        if session.ui.is_closed() {
            return Ok(());
        }
    }
}

/// Hands what the pod said on.
fn answer(sockets: &mut Sockets, open: &mut BTreeMap<u64, u64>, id: u64, answered: Answered) {
    sockets.send(id, &answered.bytes);
    if answered.closed {
        open.remove(&id);
        sockets.close(id);
    }
}

/// Mirrors `listenOnPort`.
fn listen_on_port(
    session: &Session<'_>,
    sockets: &mut Sockets,
    addresses: &[ListenAddress],
    port: &mut ForwardedPort,
    listeners: &mut Vec<ForwardedPort>,
) -> Result<(), String> {
    let mut faults = Vec::new();
    let (mut any, mut all_failed) = ((0, 0), false);
    for address in addresses {
        match sockets.listen(address.ip, port.local) {
            Ok((local, _)) => {
                port.local = local;
                listeners.push(*port);
                any.0 += usize::from(address.any);
                session.ui.out(&format!("Forwarding from {} -> {}\n", joined(address.ip, local), port.remote));
            }
            Err(e) => {
                any.1 += usize::from(address.any);
                all_failed |= !address.any;
                let family = if address.ip.is_ipv4() { "tcp4" } else { "tcp6" };
                let at = joined(address.ip, port.local);
                let why = crate::host::reason(&e).to_lowercase();
                faults.push(format!("unable to create listener: Error listen {family} {at}: bind: {why}"));
            }
        }
    }
    // Of localhost's two addresses one is enough; another one that is named must be had.
    match any.0 == 0 && any.1 > 0 || all_failed {
        true => Err(format!("Listeners failed to create with the following errors: [{}]", faults.join(" "))),
        false => Ok(()),
    }
}

/// Mirrors `net.JoinHostPort`.
fn joined(ip: IpAddr, port: u16) -> String {
    match ip {
        IpAddr::V4(ip) => format!("{ip}:{port}"),
        IpAddr::V6(ip) => format!("[{ip}]:{port}"),
    }
}

/// The pod's end could not be reached: kubectl says why in its log, and gives up.
fn lost(session: &Session<'_>, uid: &str, port: ForwardedPort, why: &str) -> Failure {
    let ForwardedPort { local, remote } = port;
    let id: String = uid.chars().filter(char::is_ascii_hexdigit).cycle().take(64).collect();
    let namespace = format!("/var/run/netns/cni-{uid}");
    let fault = format!(
        "an error occurred forwarding {local} -> {remote}: error forwarding port {remote} to pod {id}, uid : failed to \
         execute portforward in network namespace {namespace:?}: failed to connect to localhost:{remote} inside \
         namespace {id:?}, IPv4: dial tcp4 127.0.0.1:{remote}: connect: {why} IPv6 dial tcp6 [::1]:{remote}: connect: \
         {why} "
    );
    let text = format!("\"Unhandled Error\" err={fault:?}");
    session.ui.err(&format!("{}\n", session.log_line('E', HANDLE_ERROR, &text)));
    Failure::error("lost connection to pod")
}
