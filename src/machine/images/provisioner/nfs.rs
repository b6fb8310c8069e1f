//! The settings of the NFS provisioners, and the server that one of them brings.

use super::{Provisioner, Which};
use crate::api::Duration;
use crate::machine::images::in_cluster;
use crate::machine::images::wire::uuid;
use crate::machine::kernel::Sys;

/// How long the program waits for its server.
pub(super) const COMES_UP: Duration = Duration::secs(5);

/// Where the server's folders lie.
const EXPORT: &str = "/export";

/// The ports of the server: NFS, mountd, rpcbind, statd, rquotad, nlockmgr.
const PORTS: [u16; 6] = [2049, 20048, 111, 662, 875, 32803];

/// Ganesha's configuration, which the server begins with.
const GANESHA: &str = "
###################################################
#
# EXPORT
#
# To function, all that is required is an EXPORT
#
# Define the absolute minimal export
#
###################################################

EXPORT
{
\t# Export Id (mandatory, each EXPORT must have a unique Export_Id)
\tExport_Id = 0;

\t# Exported path (mandatory)
\tPath = /nonexistent;

\t# Pseudo Path (required for NFS v4)
\tPseudo = /nonexistent;

\t# Required for access (default is None)
\t# Could use CLIENT blocks instead
\tAccess_Type = RW;

\t# Exporting FSAL
\tFSAL {
\t\tName = VFS;
\t}
}

NFS_Core_Param
{
\tMNT_Port = 20048;
\tfsid_device = true;
}

NFSV4
{
\tGrace_Period = 90;
}
";

fn keep(of: &mut Provisioner, sys: &Sys<'_>, names: &[&str]) {
    for name in names {
        if let Some(value) = sys.env(name).filter(|value| !value.is_empty()) {
            of.settings.insert((*name).to_string(), value.to_string());
        }
    }
}

fn keep_namespace(of: &mut Provisioner, sys: &mut Sys<'_>) {
    if !of.settings.contains_key("POD_NAMESPACE")
        && let Some(name) = in_cluster::namespace(sys)
    {
        of.settings.insert("POD_NAMESPACE".into(), name);
    }
}

/// What the client's environment says.
///
/// # Errors
/// Its exit code where that is not enough.
pub(super) fn client_settings(of: &mut Provisioner, sys: &mut Sys<'_>) -> Result<(), u8> {
    keep(of, sys, &["NFS_SERVER", "NFS_PATH", "PROVISIONER_NAME", "ENABLE_LEADER_ELECTION", "POD_NAMESPACE"]);
    keep_namespace(of, sys);
    let is_new = of.which == Which::NfsSubdir;
    for (name, place, old) in [
        ("NFS_SERVER", "provisioner.go:209", "provisioner.go:145"),
        ("NFS_PATH", "provisioner.go:213", "provisioner.go:149"),
        ("PROVISIONER_NAME", "provisioner.go:217", "provisioner.go:153"),
    ] {
        if of.settings.contains_key(name) {
            continue;
        }
        let place = if is_new { place } else { old };
        let text = match name {
            "PROVISIONER_NAME" => format!("environment variable {name} is not set! Please set it."),
            _ => format!("{name} not set"),
        };
        return Err(of.fatal(sys, place, &text));
    }
    of.name = of.settings.get("PROVISIONER_NAME").cloned().unwrap_or_default();
    Ok(())
}

/// Starts the server.
///
/// # Errors
/// The program's exit code where it can't.
pub(super) fn serve(of: &mut Provisioner, sys: &mut Sys<'_>) -> Result<(), u8> {
    of.name = super::local_path::option(&of.args, "provisioner").unwrap_or_else(|| "example.com/nfs".into());
    keep(of, sys, &["POD_IP", "SERVICE_NAME", "POD_NAMESPACE", "NODE_NAME"]);
    let name = of.name.clone();
    of.say(sys, 'I', "main.go:65", &format!("Provisioner {name} specified"));
    of.say(sys, 'I', "main.go:89", "Setting up NFS server!");
    for what in ["starting", "ending"] {
        let place = if what == "starting" { "server.go:147" } else { "server.go:158" };
        of.say(sys, 'I', place, &format!("{what} RLIMIT_NOFILE rlimit.Cur 1048576, rlimit.Max 1048576"));
    }
    let config = format!("{EXPORT}/vfs.conf");
    if sys.stat(&config).is_err()
        && let Err(fault) = sys.write_file(&config, GANESHA.as_bytes())
    {
        let why = sys.text(fault).to_lowercase();
        let text = format!("Error setting up NFS server: error writing ganesha config {config}: open {config}: {why}");
        return Err(of.fatal(sys, "main.go:92", &text));
    }
    of.say(sys, 'I', "server.go:132", "Running NFS server!");
    let _ = sys.write_file(&format!("{EXPORT}/ganesha.log"), b"");
    for port in PORTS {
        let _ = sys.listen(port);
    }
    Ok(())
}

/// The server's identity, which it keeps among its folders: volumes of another are not its own.
///
/// # Errors
/// The program's exit code where it can't be kept.
pub(super) fn own_identity(of: &mut Provisioner, sys: &mut Sys<'_>) -> Result<(), u8> {
    keep_namespace(of, sys);
    let path = format!("{EXPORT}/nfs-provisioner.identity");
    let identity = match sys.read_file(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_string(),
        Err(_) => {
            let identity = uuid(sys);
            if let Err(fault) = sys.write_file(&path, identity.as_bytes()) {
                let why = sys.text(fault).to_lowercase();
                let text = format!("Error writing identity file {path}! open {path}: {why}");
                return Err(of.fatal(sys, "provision.go:122", &text));
            }
            identity
        }
    };
    of.settings.insert("identity".into(), identity);
    Ok(())
}
