//! What images are built on: busybox, Alpine, Debian, Ubuntu, Red Hat's kin, or nothing.
//!
//! Facts: the images' Dockerfiles and package lists in docker-library/repo-info; base-files of each distribution.

use super::reference::Reference;
use super::tree::Tree;
use super::{Userland, is_program, names};

/// What an image is built on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The image `busybox`, with its version; linked with musl or not.
    Busybox((u32, u32), bool),
    /// `alpine`, by its version.
    Alpine((u32, u32)),
    /// `debian`, by its number.
    Debian(u32),
    /// `ubuntu`, by its year and month.
    Ubuntu((u32, u32)),
    /// Red Hat's kin, by its number.
    RedHat(u32),
    /// Certificates and users, and no shell.
    Distroless,
    /// Nothing at all.
    Empty,
    /// Debian's tree with all tools that the machine has.
    Anything,
}

const ALPINE: (u32, u32) = (3, 22);
const DEBIAN: u32 = 13;
const UBUNTU: (u32, u32) = (24, 4);
const BUSYBOX: (u32, u32) = (1, 37);

impl Base {
    /// The base that the tag of an official image asks for.
    pub fn of_tag(reference: &Reference) -> Base {
        let part = reference.tag.split('-').find_map(|p| p.strip_prefix("alpine"));
        if let Some(version) = part {
            return Base::Alpine(pair(version).unwrap_or(ALPINE));
        }
        Base::Debian(debian_number(reference).unwrap_or(DEBIAN))
    }

    /// `busybox`, as tagged.
    pub fn busybox(reference: &Reference) -> Base {
        let version = reference.version();
        let minor = version.get(1).copied().unwrap_or(BUSYBOX.1);
        Base::Busybox((1, minor), reference.tag_has("musl"))
    }

    /// `alpine`, as tagged.
    pub fn alpine(reference: &Reference) -> Base {
        match reference.version().as_slice() {
            [major, minor, ..] if *major < 100 => Base::Alpine((*major, *minor)),
            _ => Base::Alpine(ALPINE),
        }
    }

    /// `debian`, as tagged.
    pub fn debian(reference: &Reference) -> Base {
        let number = reference.version().first().copied().filter(|n| (7..40).contains(n));
        Base::Debian(number.or_else(|| debian_number(reference)).unwrap_or(DEBIAN))
    }

    /// `ubuntu`, as tagged.
    pub fn ubuntu(reference: &Reference) -> Base {
        let named =
            [("noble", (24, 4)), ("jammy", (22, 4)), ("focal", (20, 4)), ("bionic", (18, 4)), ("xenial", (16, 4))];
        match reference.version().as_slice() {
            [year, month, ..] if *year < 100 => Base::Ubuntu((*year, *month)),
            _ => Base::Ubuntu(named.iter().find(|(n, _)| reference.tag_has(n)).map_or(UBUNTU, |(_, v)| *v)),
        }
    }

    /// Whose tools it holds.
    pub fn userland(self) -> Userland {
        match self {
            Base::Busybox(..) | Base::Alpine(_) => Userland::Busybox,
            _ => Userland::Gnu,
        }
    }

    /// Whether its C library is musl.
    pub fn has_musl(self) -> bool {
        matches!(self, Base::Alpine(_) | Base::Busybox(_, true))
    }

    /// The version of its busybox.
    pub fn busybox_version(self) -> (u32, u32) {
        match self {
            Base::Busybox(version, _) => version,
            Base::Alpine((3, minor)) => match minor {
                0..=7 => (1, 27),
                8 => (1, 28),
                9 => (1, 29),
                10..=11 => (1, 31),
                12 => (1, 31),
                13 => (1, 32),
                14 => (1, 33),
                15 => (1, 34),
                16..=17 => (1, 35),
                18..=20 => (1, 36),
                _ => (1, 37),
            },
            _ => BUSYBOX,
        }
    }

    /// The size of its layers in a registry, in bytes.
    pub fn size(self) -> u64 {
        match self {
            Base::Busybox(_, true) => 857_000,
            Base::Busybox((1, minor), _) if minor < 32 => 766_000,
            Base::Busybox(..) => 2_219_949,
            Base::Alpine(_) => 3_798_000,
            Base::Debian(_) => 29_780_905,
            Base::Ubuntu(_) => 29_720_000,
            Base::RedHat(_) => 46_500_000,
            Base::Distroless => 786_000,
            Base::Empty => 0,
            Base::Anything => 50_000_000,
        }
    }

    /// Lays its tree down.
    pub(super) fn lay(self, tree: &mut Tree) {
        match self {
            Base::Busybox(..) => busybox(tree),
            Base::Alpine(version) => alpine(tree, version),
            Base::Debian(_) | Base::Ubuntu(_) | Base::Anything | Base::RedHat(_) => gnu(tree, self),
            Base::Distroless => distroless(tree),
            Base::Empty => {}
        }
        tree.devices();
        for dir in ["proc", "sys"] {
            tree.dir(dir);
        }
    }
}

/// `3.20` taken apart.
fn pair(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

fn debian_number(reference: &Reference) -> Option<u32> {
    let named = [("trixie", 13), ("bookworm", 12), ("bullseye", 11), ("buster", 10), ("stretch", 9), ("jessie", 8)];
    named.iter().find(|(name, _)| reference.tag_has(name)).map(|(_, number)| *number)
}

/// The folders that every Linux has.
fn folders(tree: &mut Tree, names: &str) {
    for dir in names.split_whitespace() {
        tree.dir(dir);
    }
    tree.dir_of("root", 0o700, (0, 0));
    tree.dir_of("tmp", 0o1777, (0, 0));
}

const BUSYBOX_PASSWD: &str = "root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
sync:x:4:100:sync:/bin:/bin/sync
mail:x:8:8:mail:/var/spool/mail:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
operator:x:37:37:Operator:/var:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
";

const BUSYBOX_GROUP: &str = "root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
lp:x:7:
mail:x:8:
kmem:x:9:
wheel:x:10:root
cdrom:x:11:
dialout:x:18:
floppy:x:19:
video:x:28:
audio:x:29:
tape:x:32:
www-data:x:33:
operator:x:37:
utmp:x:43:
plugdev:x:46:
staff:x:50:
lock:x:54:
netdev:x:82:
users:x:100:
nobody:x:65534:
";

fn busybox(tree: &mut Tree) {
    folders(tree, "bin dev etc home lib usr/sbin usr/bin var/spool/mail var/www");
    tree.dir_of("tmp", 0o1777, (0, 0));
    // All applets are one file under many names.
    if let Some(ino) = tree.program("/bin/busybox", "busybox") {
        for name in names::BUSYBOX.split_whitespace().filter(|n| is_program(n)) {
            tree.hard_link(ino, &format!("/bin/{name}"));
        }
    }
    tree.link("/usr/bin/env", "../../bin/env");
    tree.link("/lib64", "lib");
    tree.file("/etc/passwd", BUSYBOX_PASSWD);
    tree.file("/etc/group", BUSYBOX_GROUP);
    tree.file_of("/etc/shadow", "root:*:10933:0:99999:7:::\nnobody:*:10933:0:99999:7:::\n", 0o640, (0, 0));
    tree.file(
        "/etc/nsswitch.conf",
        "passwd:\tfiles\ngroup:\tfiles\nshadow:\tfiles\nhosts:\tfiles dns\nnetworks:\tfiles dns\n",
    );
    tree.file("/etc/localtime", "TZif2");
    tree.dir("/etc/network");
}

const ALPINE_PASSWD: &str = "root:x:0:0:root:/root:/bin/sh
bin:x:1:1:bin:/bin:/sbin/nologin
daemon:x:2:2:daemon:/sbin:/sbin/nologin
lp:x:4:7:lp:/var/spool/lpd:/sbin/nologin
sync:x:5:0:sync:/sbin:/bin/sync
shutdown:x:6:0:shutdown:/sbin:/sbin/shutdown
halt:x:7:0:halt:/sbin:/sbin/halt
mail:x:8:12:mail:/var/mail:/sbin/nologin
news:x:9:13:news:/usr/lib/news:/sbin/nologin
uucp:x:10:14:uucp:/var/spool/uucppublic:/sbin/nologin
cron:x:16:16:cron:/var/spool/cron:/sbin/nologin
ftp:x:21:21::/var/lib/ftp:/sbin/nologin
sshd:x:22:22:sshd:/dev/null:/sbin/nologin
games:x:35:35:games:/usr/games:/sbin/nologin
ntp:x:123:123:NTP:/var/empty:/sbin/nologin
guest:x:405:100:guest:/dev/null:/sbin/nologin
nobody:x:65534:65534:nobody:/:/sbin/nologin
";

const ALPINE_GROUP: &str = "root:x:0:root
bin:x:1:root,bin,daemon
daemon:x:2:root,bin,daemon
sys:x:3:root,bin
adm:x:4:root,daemon
tty:x:5:
disk:x:6:root
lp:x:7:lp
kmem:x:9:
wheel:x:10:root
floppy:x:11:root
mail:x:12:mail
news:x:13:news
uucp:x:14:uucp
cron:x:16:cron
audio:x:18:
cdrom:x:19:
dialout:x:20:root
ftp:x:21:
sshd:x:22:
input:x:23:
tape:x:26:root
video:x:27:root
netdev:x:28:
kvm:x:34:kvm
games:x:35:
shadow:x:42:
www-data:x:82:
users:x:100:games
ntp:x:123:
abuild:x:300:
utmp:x:406:
ping:x:999:
nogroup:x:65533:
nobody:x:65534:
";

const ALPINE_PROFILE: &str = "# /etc/profile

append_path () {
\tcase \":$PATH:\" in
\t\t*:\"$1\":*) ;;
\t\t*) PATH=\"${PATH:+$PATH:}$1\" ;;
\tesac
}

append_path \"/usr/local/sbin\"
append_path \"/usr/local/bin\"
append_path \"/usr/sbin\"
append_path \"/usr/bin\"
append_path \"/sbin\"
append_path \"/bin\"
unset -f append_path

export PATH
export PAGER=less
umask 022
";

fn alpine(tree: &mut Tree, (major, minor): (u32, u32)) {
    folders(
        tree,
        "bin dev etc home lib media/cdrom media/floppy media/usb mnt opt run sbin srv usr/bin usr/sbin usr/lib \
         usr/local/bin usr/local/lib usr/local/share usr/share var/cache/apk var/empty var/lib/apk var/local \
         var/log var/mail var/opt var/spool/cron/crontabs etc/apk/keys etc/init.d etc/conf.d etc/profile.d etc/periodic",
    );
    tree.dir_of("tmp", 0o1777, (0, 0));
    tree.dir_of("var/tmp", 0o1777, (0, 0));
    tree.link("/var/run", "../run");
    tree.link("/var/lock", "../run/lock");
    tree.program("/bin/busybox", "busybox");
    for (folder, list) in names::ALPINE {
        for name in list.split_whitespace().filter(|n| is_program(n)) {
            tree.link(&format!("{folder}/{name}"), "/bin/busybox");
        }
    }
    for name in ["getent", "getconf", "iconv", "ldd"] {
        if is_program(name) {
            tree.program(&format!("/usr/bin/{name}"), name);
        }
    }
    if is_program("apk") {
        tree.program("/sbin/apk", "apk");
    }
    let patch = if (major, minor) == ALPINE { 2 } else { 9 };
    let version = format!("{major}.{minor}.{patch}");
    tree.file(
        "/etc/os-release",
        &format!(
            "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID={version}\nPRETTY_NAME=\"Alpine Linux v{major}.{minor}\"\n\
             HOME_URL=\"https://alpinelinux.org/\"\n\
             BUG_REPORT_URL=\"https://gitlab.alpinelinux.org/alpine/aports/-/issues\"\n"
        ),
    );
    tree.file("/etc/alpine-release", &format!("{version}\n"));
    tree.file("/etc/issue", &format!("Welcome to Alpine Linux {major}.{minor}\nKernel \\r on \\m (\\l)\n\n"));
    let repository = format!("https://dl-cdn.alpinelinux.org/alpine/v{major}.{minor}");
    tree.file("/etc/apk/repositories", &format!("{repository}/main\n{repository}/community\n"));
    tree.file("/etc/apk/arch", "x86_64\n");
    tree.file("/etc/apk/world", "alpine-baselayout\nalpine-keys\nalpine-release\napk-tools\nbusybox\nlibc-utils\n");
    tree.file("/etc/passwd", ALPINE_PASSWD);
    tree.file("/etc/group", ALPINE_GROUP);
    tree.file_of("/etc/shadow", "root:*::0:::::\nbin:!::0:::::\ndaemon:!::0:::::\nnobody:!::0:::::\n", 0o640, (0, 42));
    tree.file("/etc/profile", ALPINE_PROFILE);
    tree.file("/etc/shells", "# valid login shells\n/bin/sh\n/bin/ash\n");
    tree.file("/etc/motd", "Welcome to Alpine!\n\nThe Alpine Wiki contains a large amount of how-to guides and general\ninformation about administrating Alpine systems.\nSee <https://wiki.alpinelinux.org/>.\n\nYou can setup the system with the command: setup-alpine\n\nYou may change this message by editing /etc/motd.\n\n");
    tree.file("/etc/nsswitch.conf", "# musl itself does not support NSS, however some third-party DNS\n# implementations use the nsswitch.conf file to determine what\n# policy to follow.\n# Editing this file is not recommended.\nhosts: files dns\n");
    tree.file("/etc/protocols", PROTOCOLS);
    tree.file("/etc/services", SERVICES);
    tree.file("/lib/ld-musl-x86_64.so.1", "\u{7f}ELF");
    tree.link("/lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1");
    tree.dir("/etc/ssl/certs");
    tree.file("/etc/ssl/certs/ca-certificates.crt", "# Mozilla's certificate authorities\n");
    tree.link("/etc/ssl/cert.pem", "certs/ca-certificates.crt");
}

const PROTOCOLS: &str = "ip\t0\tIP\nicmp\t1\tICMP\ntcp\t6\tTCP\nudp\t17\tUDP\n";

const SERVICES: &str = "ftp\t\t21/tcp\nssh\t\t22/tcp\ntelnet\t\t23/tcp\nsmtp\t\t25/tcp\t\tmail\ndomain\t\t53/tcp\n\
domain\t\t53/udp\nhttp\t\t80/tcp\t\twww\nhttps\t\t443/tcp\nmysql\t\t3306/tcp\npostgresql\t5432/tcp\tpostgres\n\
redis\t\t6379/tcp\nhttp-alt\t8080/tcp\twebcache\n";

const DEBIAN_PASSWD: &str = "root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
sys:x:3:3:sys:/dev:/usr/sbin/nologin
sync:x:4:65534:sync:/bin:/bin/sync
games:x:5:60:games:/usr/games:/usr/sbin/nologin
man:x:6:12:man:/var/cache/man:/usr/sbin/nologin
lp:x:7:7:lp:/var/spool/lpd:/usr/sbin/nologin
mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
news:x:9:9:news:/var/spool/news:/usr/sbin/nologin
uucp:x:10:10:uucp:/var/spool/uucp:/usr/sbin/nologin
proxy:x:13:13:proxy:/bin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
backup:x:34:34:backup:/var/backups:/usr/sbin/nologin
list:x:38:38:Mailing List Manager:/var/list:/usr/sbin/nologin
irc:x:39:39:ircd:/run/ircd:/usr/sbin/nologin
_apt:x:42:65534::/nonexistent:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
";

const DEBIAN_GROUP: &str = "root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
lp:x:7:
mail:x:8:
news:x:9:
uucp:x:10:
man:x:12:
proxy:x:13:
kmem:x:15:
dialout:x:20:
fax:x:21:
voice:x:22:
cdrom:x:24:
floppy:x:25:
tape:x:26:
sudo:x:27:
audio:x:29:
dip:x:30:
www-data:x:33:
backup:x:34:
operator:x:37:
list:x:38:
irc:x:39:
src:x:40:
shadow:x:42:
utmp:x:43:
video:x:44:
sasl:x:45:
plugdev:x:46:
staff:x:50:
games:x:60:
users:x:100:
nogroup:x:65534:
";

const REDHAT_PASSWD: &str = "root:x:0:0:root:/root:/bin/bash
bin:x:1:1:bin:/bin:/sbin/nologin
daemon:x:2:2:daemon:/sbin:/sbin/nologin
adm:x:3:4:adm:/var/adm:/sbin/nologin
lp:x:4:7:lp:/var/spool/lpd:/sbin/nologin
sync:x:5:0:sync:/sbin:/bin/sync
shutdown:x:6:0:shutdown:/sbin:/sbin/shutdown
halt:x:7:0:halt:/sbin:/sbin/halt
mail:x:8:12:mail:/var/spool/mail:/sbin/nologin
operator:x:11:0:operator:/root:/sbin/nologin
games:x:12:100:games:/usr/games:/sbin/nologin
ftp:x:14:50:FTP User:/var/ftp:/sbin/nologin
nobody:x:65534:65534:Kernel Overflow User:/:/sbin/nologin
";

/// Debian's `~/.bashrc` of root is all comments; its `/etc/profile` sets the path by who logs in.
const DEBIAN_PROFILE: &str = "# /etc/profile: system-wide .profile file for the Bourne shell (sh(1))

if [ \"$(id -u)\" -eq 0 ]; then
  PATH=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"
else
  PATH=\"/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games\"
fi
export PATH
";

fn gnu(tree: &mut Tree, base: Base) {
    folders(
        tree,
        "boot dev etc home media mnt opt run srv usr/bin usr/sbin usr/lib usr/lib64 usr/games usr/include \
         usr/local/bin usr/local/etc usr/local/games usr/local/include usr/local/lib usr/local/sbin \
         usr/local/share usr/local/src usr/share usr/src var/backups var/cache/apt var/lib/dpkg var/local var/log \
         var/mail var/opt var/spool etc/profile.d etc/skel etc/apt/sources.list.d etc/default etc/init.d",
    );
    for name in ["bin", "lib", "lib64", "sbin"] {
        tree.link(&format!("/{name}"), &format!("usr/{name}"));
    }
    tree.dir_of("tmp", 0o1777, (0, 0));
    tree.dir_of("var/tmp", 0o1777, (0, 0));
    tree.link("/var/run", "/run");
    tree.link("/var/lock", "/run/lock");
    tree.dir_of("run/lock", 0o1777, (0, 0));
    let is_red = matches!(base, Base::RedHat(_));
    let mut list: Vec<&str> = names::DEBIAN.split_whitespace().collect();
    if is_red {
        list.extend(["curl", "gawk"]);
    }
    if base == Base::Anything {
        list.extend(super::super::tools::names().filter(|n| !names::OTHER_KERNELS.contains(n)));
    }
    for name in list.iter().filter(|n| is_program(n)) {
        let folder = if names::SBIN.split_whitespace().any(|n| n == *name) { "sbin" } else { "bin" };
        tree.program(&format!("/usr/{folder}/{name}"), name);
    }
    tree.program("/usr/bin/bash", "bash");
    tree.link("/usr/bin/rbash", "bash");
    if is_red {
        tree.link("/usr/bin/sh", "bash");
    } else {
        tree.program("/usr/bin/dash", "dash");
        tree.link("/usr/bin/sh", "dash");
    }
    if is_program("mawk") && !is_red {
        tree.link("/usr/bin/awk", "/etc/alternatives/awk");
        tree.link("/etc/alternatives/awk", "/usr/bin/mawk");
    } else if is_program("awk") {
        tree.program("/usr/bin/awk", "awk");
    }
    match base {
        Base::Ubuntu((year, month)) => ubuntu_release(tree, year, month),
        Base::RedHat(number) => {
            tree.file("/etc/redhat-release", &format!("Red Hat Enterprise Linux release {number}.6\n"));
            tree.file("/etc/os-release", &format!("NAME=\"Oracle Linux Server\"\nVERSION=\"{number}.6\"\nID=\"ol\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"{number}.6\"\nPLATFORM_ID=\"platform:el{number}\"\nPRETTY_NAME=\"Oracle Linux Server {number}.6\"\n"));
        }
        Base::Debian(number) => debian_release(tree, number),
        _ => debian_release(tree, DEBIAN),
    }
    if is_red {
        tree.file("/etc/passwd", REDHAT_PASSWD);
        tree.file("/etc/group", "root:x:0:\nbin:x:1:\ndaemon:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\nmail:x:12:\nusers:x:100:\nnobody:x:65534:\n");
    } else {
        tree.file("/etc/passwd", DEBIAN_PASSWD);
        tree.file("/etc/group", DEBIAN_GROUP);
        if matches!(base, Base::Ubuntu((24.., _))) {
            tree.user("ubuntu", 1000, 1000, "Ubuntu", "/home/ubuntu", "/bin/bash");
            tree.dir_of("/home/ubuntu", 0o750, (1000, 1000));
        }
    }
    tree.file_of("/etc/shadow", "root:*:20423:0:99999:7:::\nnobody:*:20423:0:99999:7:::\n", 0o640, (0, 42));
    tree.file("/etc/profile", DEBIAN_PROFILE);
    tree.file("/etc/shells", "# /etc/shells: valid login shells\n/bin/sh\n/usr/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/rbash\n/usr/bin/rbash\n/usr/bin/dash\n");
    tree.file("/etc/nsswitch.conf", "passwd:         files\ngroup:          files\nshadow:         files\n\nhosts:          files dns\nnetworks:       files\n\nprotocols:      db files\nservices:       db files\n");
    tree.file("/etc/host.conf", "multi on\n");
    tree.file("/etc/timezone", "Etc/UTC\n");
    tree.link("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC");
    tree.file("/etc/bash.bashrc", "# System-wide .bashrc file for interactive bash(1) shells.\n\n[ -z \"${PS1-}\" ] && return\n\nshopt -s checkwinsize\n\nPS1='${debian_chroot:+($debian_chroot)}\\u@\\h:\\w\\$ '\n");
    tree.file("/root/.bashrc", "# ~/.bashrc: executed by bash(1) for non-login shells.\n");
    tree.file("/root/.profile", "# ~/.profile: executed by Bourne-compatible login shells.\n\nif [ \"$BASH\" ]; then\n  if [ -f ~/.bashrc ]; then\n    . ~/.bashrc\n  fi\nfi\n\nmesg n 2> /dev/null || true\n");
    tree.dir_of("/var/spool/mail", 0o2775, (0, 8));
}

fn debian_release(tree: &mut Tree, number: u32) {
    let (code, point) = match number {
        13 => ("trixie", "13.2"),
        12 => ("bookworm", "12.12"),
        11 => ("bullseye", "11.11"),
        10 => ("buster", "10.13"),
        9 => ("stretch", "9.13"),
        _ => ("jessie", "8.11"),
    };
    let full = if number >= 13 { format!("DEBIAN_VERSION_FULL={point}\n") } else { String::new() };
    tree.file(
        "/usr/lib/os-release",
        &format!(
            "PRETTY_NAME=\"Debian GNU/Linux {number} ({code})\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"{number}\"\n\
             VERSION=\"{number} ({code})\"\nVERSION_CODENAME={code}\n{full}ID=debian\nHOME_URL=\"https://www.debian.org/\"\n\
             SUPPORT_URL=\"https://www.debian.org/support\"\nBUG_REPORT_URL=\"https://bugs.debian.org/\"\n"
        ),
    );
    tree.link("/etc/os-release", "../usr/lib/os-release");
    tree.file("/etc/debian_version", &format!("{point}\n"));
    tree.file("/etc/issue", &format!("Debian GNU/Linux {number} \\n \\l\n\n"));
    tree.file("/etc/issue.net", &format!("Debian GNU/Linux {number}\n"));
}

fn ubuntu_release(tree: &mut Tree, year: u32, month: u32) {
    let (code, name, point, debian) = match (year, month) {
        (16, 4) => ("xenial", "Xenial Xerus", ".7", "stretch/sid"),
        (18, 4) => ("bionic", "Bionic Beaver", ".6", "buster/sid"),
        (20, 4) => ("focal", "Focal Fossa", ".6", "bullseye/sid"),
        (22, 4) => ("jammy", "Jammy Jellyfish", ".5", "bookworm/sid"),
        _ => ("noble", "Noble Numbat", ".3", "trixie/sid"),
    };
    let number = format!("{year}.{month:02}");
    let lts = if year.is_multiple_of(2) && month == 4 { " LTS" } else { "" };
    tree.file(
        "/usr/lib/os-release",
        &format!(
            "PRETTY_NAME=\"Ubuntu {number}{point}{lts}\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"{number}\"\n\
             VERSION=\"{number}{point}{lts} ({name})\"\nVERSION_CODENAME={code}\nID=ubuntu\nID_LIKE=debian\n\
             HOME_URL=\"https://www.ubuntu.com/\"\nSUPPORT_URL=\"https://help.ubuntu.com/\"\n\
             BUG_REPORT_URL=\"https://bugs.launchpad.net/ubuntu/\"\n\
             PRIVACY_POLICY_URL=\"https://www.ubuntu.com/legal/terms-and-policies/privacy-policy\"\n\
             UBUNTU_CODENAME={code}\nLOGO=ubuntu-logo\n"
        ),
    );
    tree.link("/etc/os-release", "../usr/lib/os-release");
    tree.file("/etc/debian_version", &format!("{debian}\n"));
    tree.file("/etc/issue", &format!("Ubuntu {number}{point}{lts} \\n \\l\n\n"));
    tree.file(
        "/etc/lsb-release",
        &format!(
            "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE={number}\nDISTRIB_CODENAME={code}\n\
             DISTRIB_DESCRIPTION=\"Ubuntu {number}{point}{lts}\"\n"
        ),
    );
}

fn distroless(tree: &mut Tree) {
    for dir in ["bin", "dev", "etc", "home", "lib", "root", "run", "sbin", "usr", "var"] {
        tree.dir(dir);
    }
    tree.dir_of("tmp", 0o1777, (0, 0));
    tree.dir_of("home/nonroot", 0o700, (65532, 65532));
    tree.file(
        "/etc/passwd",
        "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
         nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
    );
    tree.file("/etc/group", "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n");
    tree.file("/etc/nsswitch.conf", "hosts: files dns\n");
    tree.file("/etc/ssl/certs/ca-certificates.crt", "# Mozilla's certificate authorities\n");
    tree.file("/etc/debian_version", "12.12\n");
}
