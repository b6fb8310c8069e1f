//! A new server's folder: what is made in it, and what is said meanwhile.
//!
//! Facts: docker-library/mysql and what `mysqld --initialize` prints.

use super::{DATA, Mysql, plain_time};
use crate::machine::errno::Errno;
use crate::machine::images::numbered;
use crate::machine::images::sql::{self, Outcome};
use crate::machine::kernel::Sys;

impl Mysql {
    pub(super) fn initialize(&mut self, sys: &mut Sys<'_>) -> Result<(), u8> {
        let version = self.version.clone();
        self.note(sys, 0, "Initializing database files");
        self.log(50, 0, "System", "MY-015017", "Server", "MySQL Server Initialization - start.");
        self.log(
            20,
            0,
            "System",
            "MY-013169",
            "Server",
            &format!("/usr/sbin/mysqld (mysqld {version}) initializing of server in progress as process 80"),
        );
        let foreign =
            sys.read_dir(DATA).unwrap_or_default().into_iter().any(|(n, _)| !n.starts_with('.') && n != "lost+found");
        let unusable = |this: &mut Mysql| {
            this.log(0, 0, "ERROR", "MY-013236", "Server", "The designated data directory /var/lib/mysql/ is unusable. You can remove all files that the server added to it.");
            this.log(0, 0, "ERROR", "MY-010119", "Server", "Aborting");
            this.log(0, 0, "System", "MY-015018", "Server", "MySQL Server Initialization - end.");
            Err(1)
        };
        if foreign {
            self.log(
                0,
                0,
                "ERROR",
                "MY-010457",
                "Server",
                "--initialize specified but the data directory has files in it. Aborting.",
            );
            return unusable(self);
        }
        let is_old = self.version.starts_with("5.");
        let folders = ["mysql", "performance_schema", "sys", "#innodb_redo"];
        for name in folders.into_iter().filter(|name| !is_old || !name.starts_with('#')) {
            if let Err(fault) = sys.mkdir(&format!("{DATA}/{name}"), 0o750) {
                if fault == Errno::Exist {
                    continue;
                }
                let why = numbered(sys, fault).replace(": ", " - ");
                self.log(
                    0,
                    0,
                    "ERROR",
                    "MY-010187",
                    "Server",
                    &format!("Could not open file '{DATA}/{name}' for error logging: {why}"),
                );
                return unusable(self);
            }
        }
        let uuid = format!(
            "{:08x}-{:04x}-11f0-{:04x}-{:012x}",
            sys.random() as u32,
            sys.random() as u16,
            sys.random() as u16,
            sys.random() & 0xffff_ffff_ffff
        );
        let files = [
            ("auto.cnf", format!("[auto]\nserver-uuid={uuid}\n")),
            ("binlog.index", "./binlog.000001\n./binlog.000002\n".into()),
            ("binlog.000001", "\u{fe}bin".into()),
            ("binlog.000002", "\u{fe}bin".into()),
            ("ca.pem", "-----BEGIN CERTIFICATE-----\n".into()),
            ("ca-key.pem", "-----BEGIN PRIVATE KEY-----\n".into()),
            ("server-cert.pem", "-----BEGIN CERTIFICATE-----\n".into()),
            ("server-key.pem", "-----BEGIN PRIVATE KEY-----\n".into()),
            ("ib_buffer_pool", String::new()),
            ("mysql.ibd", String::new()),
            ("mysql/db.opt", "default-character-set=latin1\ndefault-collation=latin1_swedish_ci\n".into()),
            ("undo_001", String::new()),
            ("undo_002", String::new()),
            ("client-cert.pem", "-----BEGIN CERTIFICATE-----\n".into()),
            ("client-key.pem", "-----BEGIN PRIVATE KEY-----\n".into()),
            ("ib_logfile0", String::new()),
            ("ib_logfile1", String::new()),
            ("ibtmp1", String::new()),
            ("private_key.pem", "-----BEGIN PRIVATE KEY-----\n".into()),
            ("public_key.pem", "-----BEGIN PUBLIC KEY-----\n".into()),
        ];
        let only_new = ["binlog.", "mysql.ibd", "undo_"];
        let only_old = ["ib_logfile", "mysql/db.opt"];
        let has = |name: &str| {
            let not = if is_old { &only_new[..] } else { &only_old[..] };
            !not.iter().any(|start| name.starts_with(start))
        };
        for (name, text) in files.into_iter().filter(|(name, _)| has(name)) {
            let _ = sys.write_file(&format!("{DATA}/{name}"), text.as_bytes());
        }
        for name in ["information_schema", "mysql", "performance_schema", "sys"] {
            self.store.databases.all.insert(name.into(), sql::Database::new());
        }
        let root = self.env(sys, "ROOT_PASSWORD").unwrap_or_default();
        self.store.users.insert("root".into(), root);
        self.log(20, 1, "System", "MY-013576", "InnoDB", "InnoDB initialization has started.");
        self.log(900, 1, "System", "MY-013577", "InnoDB", "InnoDB initialization has ended.");
        self.log(1500, 6, "Warning", "MY-010453", "Server", "root@localhost is created with an empty password ! Please consider switching off the --initialize-insecure option.");
        self.log(2500, 0, "System", "MY-015018", "Server", "MySQL Server Initialization - end.");
        self.note(sys, 200, "Database files initialized");
        self.note(sys, 0, "Starting temporary server");
        self.note(sys, 1800, "Temporary server started.");
        if let Some(name) = self.env(sys, "DATABASE") {
            self.note(sys, 1200, &format!("Creating database {name}"));
            self.store.databases.all.insert(name.clone(), sql::Database::new());
            let _ = sys.mkdir(&format!("{DATA}/{name}"), 0o750);
        }
        if let (Some(user), Some(password)) = (self.env(sys, "USER"), self.env(sys, "PASSWORD")) {
            self.note(sys, 10, &format!("Creating user {user}"));
            if let Some(name) = self.env(sys, "DATABASE") {
                self.note(sys, 0, &format!("Giving user {user} access to schema {name}"));
            }
            self.store.users.insert(user, password);
        }
        self.script.add(0, 1, "\n");
        let mut scripts = sys.read_dir("/docker-entrypoint-initdb.d").unwrap_or_default();
        scripts.sort_by(|a, b| a.0.cmp(&b.0));
        let used = self.env(sys, "DATABASE").unwrap_or_default();
        for (name, _) in scripts.into_iter().filter(|(n, _)| n.ends_with(".sql")) {
            let path = format!("/docker-entrypoint-initdb.d/{name}");
            self.note(sys, 5, &format!("/usr/local/bin/docker-entrypoint.sh: running {path}"));
            self.script.add(0, 1, "\n\n");
            let text = sys.read_file(&path).unwrap_or_default();
            let mut used = used.clone();
            for statement in sql::statements(&String::from_utf8_lossy(&text)).into_iter().take(10_000) {
                let now = plain_time(sys.now());
                if let Outcome::Use(name) = self.store.databases.run(&statement, &used, &now) {
                    used = name;
                }
            }
        }
        self.note(sys, 0, "Stopping temporary server");
        self.note(sys, 1500, "Temporary server stopped");
        self.script.add(0, 1, "\n");
        self.note(sys, 0, "MySQL init process done. Ready for start up.");
        self.script.add(0, 1, "\n");
        self.keep(sys);
        Ok(())
    }
}
