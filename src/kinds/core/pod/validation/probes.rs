//! What is wrong with probes and lifecycle hooks. Mirrors `validateProbe`, `validateHandler`, `validateLifecycle`.

use crate::api::k8s::api::core::v1::{
    Container, ExecAction, GRPCAction, HTTPGetAction, Lifecycle, LifecycleHandler, PodSpec, Probe, SleepAction,
    TCPSocketAction,
};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::names;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::{Faults, at};
use crate::kinds::shared::meta::validate_nonnegative;

/// Faults of a container's three probes.
pub(super) fn validate_probes(c: &Container, path: &str, faults: &mut Faults) {
    if let Some(probe) = &c.liveness_probe {
        let path = at(path, "livenessProbe");
        validate_probe(probe, &path, faults);
        must_succeed_once(probe, &path, faults);
    }
    if let Some(probe) = &c.readiness_probe {
        let path = at(path, "readinessProbe");
        validate_probe(probe, &path, faults);
        if let Some(seconds) = probe.termination_grace_period_seconds {
            let detail = "must not be set for readinessProbes";
            faults.invalid(&path, "terminationGracePeriodSeconds", seconds, detail);
        }
    }
    if let Some(probe) = &c.startup_probe {
        let path = at(path, "startupProbe");
        validate_probe(probe, &path, faults);
        must_succeed_once(probe, &path, faults);
    }
}

fn must_succeed_once(probe: &Probe, path: &str, faults: &mut Faults) {
    let threshold = probe.success_threshold.unwrap_or(0);
    if threshold != 1 {
        faults.invalid(path, "successThreshold", threshold, "must be 1");
    }
}

fn validate_probe(probe: &Probe, path: &str, faults: &mut Faults) {
    let handler = Handler {
        exec: probe.exec.as_ref(),
        http: probe.http_get.as_ref(),
        tcp: probe.tcp_socket.as_ref(),
        grpc: probe.grpc.as_ref(),
        sleep: None,
    };
    handler.validate(None, path, faults);
    for (name, value) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        faults.extend(validate_nonnegative(value.unwrap_or(0).into(), &at(path, name)));
    }
    if let Some(seconds) = probe.termination_grace_period_seconds.filter(|n| *n <= 0) {
        faults.invalid(path, "terminationGracePeriodSeconds", seconds, "must be greater than 0");
    }
}

/// Faults of what is done after a container's start and before its end.
pub(super) fn validate_lifecycle(lifecycle: &Lifecycle, spec: &PodSpec, path: &str, faults: &mut Faults) {
    let grace = spec.termination_grace_period_seconds;
    for (name, handler) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
        if let Some(handler) = handler {
            Handler::of(handler).validate(grace, &at(path, name), faults);
        }
    }
    if let Some(signal) = &lifecycle.stop_signal {
        match spec.os.as_ref().map(|os| os.name.as_str()) {
            None => {
                let detail = "may not be set for containers with empty `spec.os.name`";
                faults.forbidden(path, "stopSignal", detail);
            }
            Some("windows") => faults.one_of(path, "stopSignal", signal, &["SIGKILL", "SIGTERM"]),
            Some(_) => faults.one_of(path, "stopSignal", signal, &SIGNALS),
        }
    }
}

/// What a probe or a hook does; exactly one of these.
struct Handler<'a> {
    exec: Option<&'a ExecAction>,
    http: Option<&'a HTTPGetAction>,
    tcp: Option<&'a TCPSocketAction>,
    grpc: Option<&'a GRPCAction>,
    sleep: Option<&'a SleepAction>,
}

impl Handler<'_> {
    fn of(handler: &LifecycleHandler) -> Handler<'_> {
        Handler {
            exec: handler.exec.as_ref(),
            http: handler.http_get.as_ref(),
            tcp: handler.tcp_socket.as_ref(),
            grpc: None,
            sleep: handler.sleep.as_ref(),
        }
    }

    fn validate(&self, grace: Option<i64>, path: &str, faults: &mut Faults) {
        let mut seen = false;
        let mut first = |name: &str, there: bool, faults: &mut Faults| {
            if there && seen {
                faults.forbidden(path, name, "may not specify more than 1 handler type");
                return false;
            }
            seen |= there;
            there
        };
        if first("exec", self.exec.is_some(), faults) && self.exec.is_some_and(|e| items(&e.command).is_empty()) {
            faults.required(path, "exec.command");
        }
        if first("httpGet", self.http.is_some(), faults)
            && let Some(get) = self.http
        {
            validate_http_get(get, &at(path, "httpGet"), faults);
        }
        if first("tcpSocket", self.tcp.is_some(), faults)
            && let Some(tcp) = self.tcp
        {
            validate_port(&tcp.port, &at(path, "tcpSocket.port"), faults);
        }
        if first("grpc", self.grpc.is_some(), faults)
            && let Some(grpc) = self.grpc
        {
            validate_port(&IntOrString::Int(grpc.port), &at(path, "grpc.port"), faults);
        }
        if first("sleep", self.sleep.is_some(), faults)
            && let (Some(sleep), Some(grace)) = (self.sleep, grace)
            && !(0..=grace).contains(&sleep.seconds)
        {
            let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
            faults.invalid(path, "sleep", sleep.seconds, &detail);
        }
        if !seen {
            faults.required_for(path, "", "must specify a handler type");
        }
    }
}

fn validate_http_get(get: &HTTPGetAction, path: &str, faults: &mut Faults) {
    faults.require(path, "path", text(&get.path));
    validate_port(&get.port, &at(path, "port"), faults);
    faults.one_of(path, "scheme", text(&get.scheme), &["HTTP", "HTTPS"]);
    for header in items(&get.http_headers) {
        faults.all_invalid(path, "httpHeaders", &header.name, names::http_header_name(&header.name));
    }
}

/// A port by number or name. Mirrors `ValidatePortNumOrName`.
pub(crate) fn validate_port(port: &IntOrString, path: &str, faults: &mut Faults) {
    match port {
        IntOrString::Int(n) => {
            names::port_num((*n).into()).iter().for_each(|e| faults.invalid(path, "", n, e));
        }
        IntOrString::String(name) => faults.all_invalid(path, "", name, names::port_name(name)),
    }
}

const SIGNALS: [&str; 65] = [
    "SIGABRT",
    "SIGALRM",
    "SIGBUS",
    "SIGCHLD",
    "SIGCLD",
    "SIGCONT",
    "SIGFPE",
    "SIGHUP",
    "SIGILL",
    "SIGINT",
    "SIGIO",
    "SIGIOT",
    "SIGKILL",
    "SIGPIPE",
    "SIGPOLL",
    "SIGPROF",
    "SIGPWR",
    "SIGQUIT",
    "SIGRTMAX",
    "SIGRTMAX-1",
    "SIGRTMAX-10",
    "SIGRTMAX-11",
    "SIGRTMAX-12",
    "SIGRTMAX-13",
    "SIGRTMAX-14",
    "SIGRTMAX-2",
    "SIGRTMAX-3",
    "SIGRTMAX-4",
    "SIGRTMAX-5",
    "SIGRTMAX-6",
    "SIGRTMAX-7",
    "SIGRTMAX-8",
    "SIGRTMAX-9",
    "SIGRTMIN",
    "SIGRTMIN+1",
    "SIGRTMIN+10",
    "SIGRTMIN+11",
    "SIGRTMIN+12",
    "SIGRTMIN+13",
    "SIGRTMIN+14",
    "SIGRTMIN+15",
    "SIGRTMIN+2",
    "SIGRTMIN+3",
    "SIGRTMIN+4",
    "SIGRTMIN+5",
    "SIGRTMIN+6",
    "SIGRTMIN+7",
    "SIGRTMIN+8",
    "SIGRTMIN+9",
    "SIGSEGV",
    "SIGSTKFLT",
    "SIGSTOP",
    "SIGSYS",
    "SIGTERM",
    "SIGTRAP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGUSR1",
    "SIGUSR2",
    "SIGVTALRM",
    "SIGWINCH",
    "SIGXCPU",
    "SIGXFSZ",
];
