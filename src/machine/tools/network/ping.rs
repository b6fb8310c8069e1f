//! `ping`: busybox' and that of iputils.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::options::{Option_, flag, read, value};
use super::{Later, Running, Started, runs};
use crate::api::{Duration, Time};
use crate::machine::images::{self, Userland};
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Signal, Status, Sys, Turn, Wait};
use crate::machine::net::resolver;

const OPTIONS: &[Option_] = &[
    value('c', ""),
    value('W', ""),
    value('w', ""),
    value('i', ""),
    value('s', ""),
    value('t', ""),
    value('I', ""),
    value('p', ""),
    value('l', ""),
    value('M', ""),
    value('Q', ""),
    value('S', ""),
    value('m', ""),
    flag('q', ""),
    flag('n', ""),
    flag('4', ""),
    flag('6', ""),
    flag('A', ""),
    flag('D', ""),
    flag('O', ""),
    flag('v', ""),
    flag('f', ""),
    flag('a', ""),
    flag('b', ""),
    flag('L', ""),
    flag('R', ""),
    flag('U', ""),
    flag('V', ""),
    flag('h', ""),
];

/// A `ping` under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ping {
    gnu: bool,
    host: String,
    ip: IpAddr,
    count: Option<u32>,
    interval: i64,
    wait: i64,
    deadline: Option<Time>,
    quiet: bool,
    numeric: bool,
    size: usize,
    began: Time,
    next: Time,
    sent: u32,
    received: u32,
    /// Round trips in microseconds: the least, the sum, the most, the sum of squares.
    times: (u64, u64, u64, u64),
    started: bool,
}

pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let usage = match gnu {
        true => "\nUsage\n  ping [options] <destination>\n\nOptions:\n  <destination>      DNS name or IP address\n  -c <count>         stop after <count> replies\n  -i <interval>      seconds between sending each packet\n  -W <timeout>       time to wait for response\n  -w <deadline>      reply wait <deadline> in seconds\n\nFor more details see ping(8).\n".to_string(),
        false => format!("BusyBox v{}.{}.0 (2024-09-26 21:31:42 UTC) multi-call binary.\n\nUsage: ping [OPTIONS] HOST\n\nSend ICMP ECHO_REQUESTs to HOST\n\n\t-4,-6\t\tForce IP or IPv6 name resolution\n\t-c CNT\t\tSend only CNT pings\n\t-s SIZE\t\tSend SIZE data bytes in packets (default 56)\n\t-i SECS\t\tInterval\n\t-A\t\tPing as soon as reply is received\n\t-t TTL\t\tSet TTL\n\t-I IFACE/IP\tSource interface or IP address\n\t-W SEC\t\tSeconds to wait for the first response (default 10)\n\t\t\t(after all -c CNT packets are sent)\n\t-w SEC\t\tSeconds until ping exits (default:infinite)\n\t\t\t(can exit earlier with -c CNT)\n\t-q\t\tQuiet, only display output at start/finish\n\t-p HEXBYTE\tPayload pattern\n", images::find(sys.image()).base.busybox_version().0, images::find(sys.image()).base.busybox_version().1),
    };
    let read = match read(args, OPTIONS) {
        Ok(read) => read,
        Err(wrong) => {
            let text = wrong.text("ping");
            sys.err(format!("{text}{usage}"));
            return Started::Exit(if gnu { 2 } else { 1 });
        }
    };
    let Some(host) = read.words.last().cloned() else {
        let text = if gnu { "ping: usage error: Destination address required\n".to_string() } else { usage };
        sys.err(text);
        return Started::Exit(1);
    };
    let number = |name: &str| read.last(name).and_then(|v| v.parse::<f64>().ok());
    for (name, least) in [("c", 1.0), ("s", 0.0)] {
        if let Some(text) = read.last(name)
            && number(name).is_none_or(|n| n < least)
        {
            let text = match gnu {
                true => format!("ping: invalid argument: '{text}'\n"),
                false => format!("ping: invalid number '{text}'\n"),
            };
            sys.err(text);
            return Started::Exit(1);
        }
    }
    let ips = match resolver::resolve(sys, &host) {
        Ok(ips) => ips,
        Err(failure) => {
            let musl = images::has_musl(sys.image());
            let (text, code) = match gnu {
                true => (format!("ping: {host}: {}\n", failure.text(musl)), 2),
                false => (format!("ping: bad address '{host}'\n"), 1),
            };
            return Later::start(sys, failure.after, String::new(), text, code);
        }
    };
    let now = sys.now();
    let millis = |n: f64| (n * 1000.0) as i64;
    let ping = Ping {
        gnu,
        host,
        ip: ips.iter().find(|ip| ip.is_ipv4()).or(ips.first()).copied().unwrap_or(IpAddr::from([127, 0, 0, 1])),
        count: number("c").map(|n| n as u32),
        interval: number("i").map_or(1000, millis).max(2),
        wait: number("W").map_or(10_000, millis).max(1),
        deadline: number("w").map(|n| now + Duration(millis(n))),
        quiet: read.has("q"),
        numeric: read.has("n"),
        size: number("s").map_or(56, |n| (n as usize).min(65507)),
        began: now,
        next: now,
        sent: 0,
        received: 0,
        times: (u64::MAX, 0, 0, 0),
        started: false,
    };
    runs(Running::Ping(Box::new(ping)))
}

impl Ping {
    /// A round trip in microseconds: near on the pod itself, farther elsewhere.
    fn trip(&self, sys: &mut Sys<'_>) -> u64 {
        let far = if self.ip.is_loopback() { 40 } else { 70 };
        let first = if self.sent == 1 { 30 } else { 0 };
        far + first + sys.random() % 40
    }

    fn from(&self, sys: &mut Sys<'_>) -> String {
        if self.gnu && !self.numeric && self.host.parse::<IpAddr>().is_err() {
            let name = resolver::reverse(sys, self.ip).unwrap_or_else(|| self.host.clone());
            return format!("{name} ({})", self.ip);
        }
        self.ip.to_string()
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.started {
            self.started = true;
            sys.set_disposition(Signal::INT, Some(Disposition::Catch));
            let text = match self.gnu {
                true => format!("PING {} ({}) {}({}) bytes of data.\n", self.host, self.ip, self.size, self.size + 28),
                false => format!("PING {} ({}): {} data bytes\n", self.host, self.ip, self.size),
            };
            sys.out(text);
        }
        if sys.take_signal().is_some() || self.deadline.is_some_and(|d| sys.now() >= d) {
            return self.end(sys);
        }
        let all_sent = self.count.is_some_and(|c| self.sent >= c);
        if all_sent && (self.received >= self.sent || sys.now() >= self.next) {
            return self.end(sys);
        }
        if !all_sent && sys.now() >= self.next {
            self.sent += 1;
            if sys.answers(self.ip) {
                self.received += 1;
                let trip = self.trip(sys);
                let t = &mut self.times;
                *t = (t.0.min(trip), t.1 + trip, t.2.max(trip), t.3 + trip * trip);
                if !self.quiet {
                    let (from, bytes) = (self.from(sys), self.size + 8);
                    let ms = format!("{}.{:03}", trip / 1000, trip % 1000);
                    let ttl = if self.ip.is_loopback() || self.ip.to_string() == sys.sandbox.ip { 64 } else { 63 };
                    let text = match self.gnu {
                        true => format!("{bytes} bytes from {from}: icmp_seq={} ttl={ttl} time={ms} ms\n", self.sent),
                        false => format!("{bytes} bytes from {from}: seq={} ttl={ttl} time={ms} ms\n", self.sent - 1),
                    };
                    sys.out(text);
                }
            }
            let last = self.count.is_some_and(|c| self.sent >= c);
            if last && self.received >= self.sent {
                return self.end(sys);
            }
            self.next = sys.now() + Duration(if last { self.wait } else { self.interval });
        }
        let until = self.deadline.map_or(self.next, |d| d.min(self.next));
        Turn::Wait(Wait::until(until))
    }

    fn end(&self, sys: &mut Sys<'_>) -> Turn {
        let lost = (self.sent - self.received) * 100 / self.sent.max(1);
        let mut text = format!("\n--- {} ping statistics ---\n", self.host);
        let ms = |us: u64| format!("{}.{:03}", us / 1000, us % 1000);
        let count = u64::from(self.received.max(1));
        let (least, average, most) = (self.times.0, self.times.1 / count, self.times.2);
        if self.gnu {
            let time = (sys.now() - self.began).0.max(0);
            text.push_str(&format!(
                "{} packets transmitted, {} received, {lost}% packet loss, time {time}ms\n",
                self.sent, self.received
            ));
            if self.received > 0 {
                let deviation = ((self.times.3 / count).saturating_sub(average * average) as f64).sqrt() as u64;
                text.push_str(&format!(
                    "rtt min/avg/max/mdev = {}/{}/{}/{} ms\n",
                    ms(least),
                    ms(average),
                    ms(most),
                    ms(deviation)
                ));
            } else {
                text.push('\n');
            }
        } else {
            text.push_str(&format!(
                "{} packets transmitted, {} packets received, {lost}% packet loss\n",
                self.sent, self.received
            ));
            if self.received > 0 {
                text.push_str(&format!("round-trip min/avg/max = {}/{}/{} ms\n", ms(least), ms(average), ms(most)));
            }
        }
        sys.out(text);
        Turn::Exit(Status::Code(u8::from(self.received == 0)))
    }
}
